"""What stands with each of the report's figures: a caption, what the report found, and what is found here and why."""

import math
from typing import Any

from reporting.contents import (
    AUTOENCODERS,
    ENCODED_MEAN,
    ENCODED_STD,
    GENERATED,
    MATRIX,
    NOISE,
    TRAIN,
    TRAINING_MSE,
    UNIT,
    VAES,
    Figure,
)
from reporting.pictures import SIDE
from reporting.source import Source, gap


def describe(figure: Figure, source: Source) -> tuple[str, str, str]:
    """The caption of a figure, what the report found, and what is found here and why."""
    if figure.kind == GENERATED:
        return _generated(figure, source)
    (report,) = figure.of
    if figure.kind == MATRIX:
        return _matrix(figure, report, source)
    if figure.kind == NOISE:
        return (_noise_of_autoencoder if report in AUTOENCODERS else _noise_of_vae)(report, source)
    return (_images_of_autoencoder if report in AUTOENCODERS else _images_of_vae)(report, figure.split, source)


def _generated(figure: Figure, source: Source) -> tuple[str, str, str]:
    words, found = source.words, [source.found[report] for report in figure.of]
    exhibits = [each.exhibit for each in found if each.exhibit]
    caption = words("gan-caption", seed=source.measured.seed, models=_names(each.model for each in found))
    if exhibits:
        caption += " " + words("gan-caption-exhibits", exhibits=_names(exhibits))
    # The share of the mean in the second moment of the raw noise, by its distribution.
    moments = {source.cards[name]["prior"]["distribution"]: source.measured.noise[name] for name in exhibits}
    shares = {name: of["mean"] ** 2 / (of["mean"] ** 2 + of["std"] ** 2) for name, of in moments.items()}
    return caption, words("gan-report"), words("gan-here", **shares)


def _names(models: Any) -> str:
    return ", ".join(f"`{model}`" for model in models)


def _images_of_autoencoder(report: str, split: str, source: Source) -> tuple[str, str, str]:
    words, model = source.words, source.model(report)
    reported = TRAINING_MSE[report] if split == TRAIN else source.card(report)["reported"]["mse"]
    here = source.measured.mse[model][split]
    values: dict[str, Any] = {"here": here, "less": 1 - here / reported}
    if split == TRAIN:
        values["seen"] = words(f"seen-{report}")
    else:
        values["gap"] = gap(source.measured.mse[model])
    caption = words(f"reconstructed-{split}", model=model)
    return caption, words(f"ae-{split}-report", reported=reported), words(f"ae-{split}-here", **values)


def _images_of_vae(report: str, split: str, source: Source) -> tuple[str, str, str]:
    words, model, exhibit = source.words, source.model(report), source.exhibit(report)
    totals = {key: losses["total"] for key, losses in source.measured.losses[model].items()}
    values: dict[str, Any] = {"here": totals[split], "gap": gap(totals), "active": source.scores(model)["active_units"]}
    caption = words(f"reconstructed-{split}", model=model)
    if exhibit:
        caption += " " + words("exhibit-row", exhibit=exhibit)
        values["exhibit"] = source.measured.losses[exhibit][split]["total"]
    reported, small = (source.card(name)["reported"]["total"] for name in (report, VAES[0]))
    found = words("vae-reported-worse" if reported > small else "vae-reported", reported=reported, small=small)
    return caption, found, words(f"vae-{split}-{report}", **values)


def _noise_of_autoencoder(report: str, source: Source) -> tuple[str, str, str]:
    words, model = source.words, source.model(report)
    components = source.card(report)["config"]["components"]
    caption = words("ae-noise", model=model, seed=source.measured.seed, components=components)
    return caption, words("ae-noise-report"), words("ae-noise-here", **source.measured.frechet[model])


def _noise_of_vae(report: str, source: Source) -> tuple[str, str, str]:
    words, model, exhibit = source.words, source.model(report), source.exhibit(report)
    caption = words("vae-noise", model=model, seed=source.measured.seed)
    values = {"frechet": source.scores(model)["frechet"]}
    if exhibit:
        caption += " " + words("vae-noise-exhibit", exhibit=exhibit)
        values["exhibit"] = source.scores(exhibit)["frechet"]
    return caption, words("vae-noise-report"), words(f"vae-noise-{report}", **values)


def _matrix(figure: Figure, report: str, source: Source) -> tuple[str, str, str]:
    words, model, area = source.words, source.model(report), source.measured.areas[str(figure.number)]
    bounds = dict(zip(("x_min", "x_max", "y_min", "y_max"), area.bounds, strict=True))
    caption = words(f"matrix-{figure.area}", model=model, side=SIDE, **bounds)
    theirs: dict[str, float] = {}
    values: dict[str, Any] = {"share": area.share, "model": model}
    if figure.area == UNIT:
        values["normal"] = math.erf(1 / math.sqrt(2)) ** 2  # of N(0, I), within 1 of 0 on both axes
    else:
        for key, numbers in {"mean": ENCODED_MEAN, "std": ENCODED_STD}.items():
            theirs |= dict(zip((f"{key}_x", f"{key}_y"), numbers, strict=True))
            values |= dict(zip((f"{key}_x", f"{key}_y"), source.measured.encoded[key], strict=True))
    found = words(f"matrix-{figure.number}-report", **theirs)
    return caption, found, words(f"matrix-{figure.number}-here", **values)
