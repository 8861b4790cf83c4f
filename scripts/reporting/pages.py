"""The pages docs/report.md and docs/report.pt.md: from what was measured, the cards of the models, and the words."""

import math
from collections.abc import Iterator
from pathlib import Path

from gengallery.evaluation.figures import RECONSTRUCTIONS, SAMPLES
from gengallery.storage.files import write_atomically
from reporting.captions import describe
from reporting.contents import (
    AUTOENCODERS,
    FAILED,
    FIGURES,
    GANS,
    MATRIX,
    NOISES,
    PLANE,
    TEST,
    TRAIN,
    TRAINING_MSE,
    TUTORIAL_EPOCHS,
    VAES,
    Figure,
)
from reporting.experiments import experiments, others
from reporting.measure import Measured
from reporting.pictures import FOLDER
from reporting.source import Cards, Source, gap, grid
from reporting.words import LANGUAGES, Words

NAMES = {"en": "report.md", "pt": "report.pt.md"}
LOSSES = {"reconstruction": ".2f", "kl": ".3f", "total": ".2f"}  # of a VAE, as the report writes them
LATENTS = ("unit", "own", "gaussian", "prior", "reconstructed")  # of `reporting.measure.frechet_by_latents`


def write(folder: Path, measured: Measured, cards: Cards) -> list[Path]:
    """Write both pages into `folder`; returns where they are.

    Raises ValueError if other weights were measured than those of `cards`, or one has no scorecard.
    """
    measured.check(experiments(cards), cards)
    pages = {folder / NAMES[language]: Source(Words(language), measured, cards) for language in LANGUAGES}
    for path, source in pages.items():
        write_atomically(path, markdown(source).encode())
    return list(pages)


def markdown(source: Source) -> str:
    """One page, as Markdown."""
    return "\n\n".join(_parts(source)) + "\n"


def _parts(source: Source) -> Iterator[str]:
    words, measured = source.words, source.measured
    yield f"# {words('title')}"
    yield words("other-language")
    yield words("introduction")
    sizes = {"train": measured.sizes[TRAIN], "test": measured.sizes[TEST], "samples": measured.samples}
    yield words("method", seed=measured.seed, floor=source.floor()["frechet"], **sizes)
    yield f"## {words('gan-title')}"
    yield from _gans(source)
    yield f"## {words('ae-title')}"
    yield from _autoencoders(source)
    yield f"## {words('vae-title')}"
    yield from _vaes(source)
    yield f"## {words('matrix-title')}"
    yield from _figures([figure for figure in FIGURES if figure.kind == MATRIX], source)
    yield f"## {words('compare-title')}"
    yield from _reconstruction(source)
    yield from _synthesis(source)
    yield from _verdicts(source)
    yield f"## {words('future-title')}"
    yield from _classes(source)
    yield from _density(source)
    yield from _noise(source)
    yield f"## {words('others-title')}"
    yield from _others(source)
    yield words("made")


def _figures(figures: list[Figure], source: Source) -> Iterator[str]:
    words = source.words
    for figure in figures:
        caption, report, here = describe(figure, source)
        title = words("figure", number=figure.number)
        yield f"![{title}]({FOLDER}/{figure.file})"
        yield f"**{title}.** {caption}"
        yield words("report-and-here", report=report, here=here)


def _figures_of(experiments: tuple[str, ...], source: Source) -> Iterator[str]:
    """The figures, but latent matrices, that show only these experiments."""
    shown = [figure for figure in FIGURES if figure.kind != MATRIX and set(figure.of) <= set(experiments)]
    yield from _figures(shown, source)


# -- the report's tables


def _gans(source: Source) -> Iterator[str]:
    words = source.words
    head = [words("experiment"), words("gan-dimension"), words("gan-noise")]
    for loss in ("generator", "discriminator"):
        head += [words(place, figure=words(f"gan-{loss}")) for place in ("of-report", "of-here")]
    head += [words("gan-images"), words("of-here", figure=words.title("frechet"))]
    rows = []
    for report in GANS:
        card, prior = source.card(report), source.card(report)["prior"]
        row = [f"`{report}`", source.cell(prior["dim"], "d"), words(f"noise-{prior['distribution']}")]
        for loss in ("generator", "discriminator"):
            row += [source.cell(value, ".3f") for value in (card["reported"][loss], card["losses"][TRAIN][loss])]
        row.append(words("gan-failed" if report in FAILED else "gan-good"))
        rows.append([*row, source.figure("frechet", source.scores(source.model(report))["frechet"])])
    yield source.table(1, "gan-table", head, rows)
    yield words("gan-losses", balance=math.log(2))
    yield "\n".join(f"- {_gan_exhibit(report, source)}" for report in GANS if source.exhibit(report))
    yield from _figures_of(GANS, source)


def _gan_exhibit(report: str, source: Source) -> str:
    exhibit, model = source.exhibit(report), source.model(report)
    values = source.cards[exhibit]["losses"][TRAIN] | {"frechet": source.scores(exhibit)["frechet"]}
    mended = source.scores(model)["frechet"]
    return source.words("gan-exhibit", exhibit=exhibit, model=model, mended=mended, **values)


def _autoencoders(source: Source) -> Iterator[str]:
    words, mse = source.words, source.words.title("mse")
    places = [f"of-{split}-{where}" for split in ("test", "train") for where in ("report", "here")]
    head = [words("experiment"), words("latent"), *(words(place, figure=mse) for place in places)]
    rows = []
    for report in AUTOENCODERS:
        card, measured = source.card(report), source.measured.mse[source.model(report)]
        errors = (card["reported"]["mse"], measured[TEST], TRAINING_MSE[report], measured[TRAIN])
        rows.append(
            [f"`{report}`", source.cell(card["latent"], "d"), *(source.figure("mse", error) for error in errors)]
        )
    yield source.table(2, "ae-table", head, rows)
    epochs = {source.card(report)["recipe"]["epochs"] for report in AUTOENCODERS}
    yield words("ae-losses", epochs=max(epochs), tutorial=TUTORIAL_EPOCHS)
    yield from _figures_of(AUTOENCODERS, source)


def _vaes(source: Source) -> Iterator[str]:
    words, (small, large) = source.words, VAES
    head = [words("experiment"), words("latent")]
    for loss in LOSSES:
        head += [words("of-report", figure=words(f"loss-{loss}")), words("here-test"), words("here-train")]
    rows = []
    for report in VAES:
        card, measured = source.card(report), source.measured.losses[source.model(report)]
        row = [f"`{report}`", source.cell(card["latent"], "d")]
        for loss, form in LOSSES.items():
            row += [source.cell(value[loss], form) for value in (card["reported"], measured[TEST], measured[TRAIN])]
        rows.append(row)
    yield source.table(3, "vae-table", head, rows)
    exhibit, reported = source.exhibit(large), {report: source.card(report)["reported"] for report in VAES}
    extra = {name: of["total"] - of["reconstruction"] - of["kl"] for name, of in reported.items()}
    totals = {name: source.measured.losses[name][TEST]["total"] for name in map(source.model, VAES)}
    yield words(
        "vae-losses",
        extra_2=extra[small],
        extra_64=extra[large],
        small=source.model(small),
        model=source.model(large),
        exhibit=exhibit,
        narrow=source.cards[exhibit]["config"]["hidden"],
        wide=source.card(large)["config"]["hidden"],
        total=totals[source.model(large)],
        better=totals[source.model(small)] - totals[source.model(large)],
        exhibit_total=source.measured.losses[exhibit][TEST]["total"],
    )
    yield from _figures_of(VAES, source)


# -- its section 6: the families compared


def _reconstruction(source: Source) -> Iterator[str]:
    words = source.words
    errors = {report: source.measured.mse[source.model(report)] for report in (PLANE, *AUTOENCODERS, *VAES)}
    head = [words("model"), words("latent"), words("mse-train"), words("mse-test"), words("mse-gap")]
    rows = []
    for report, mse in errors.items():
        written = [source.figure("mse", mse[split]) for split in (TRAIN, TEST)]
        cells = [source.cell(source.card(report)["latent"], "d"), *written, source.cell(gap(mse), "z.1%")]
        rows.append([f"`{source.model(report)}`", *cells])
    yield f"### {words('compare-images')}"
    yield grid(head, rows)
    test = {report: mse[TEST] for report, mse in errors.items()}
    yield words("compare-images-text", most=max(map(gap, errors.values())), **test)


def _synthesis(source: Source) -> Iterator[str]:
    words = source.words
    models = {report: source.model(report) for report in (*GANS, *AUTOENCODERS, *VAES)}
    frechet = {report: source.scores(model)["frechet"] for report, model in models.items()}
    gans = [frechet[report] for report in GANS]
    yield f"### {words('compare-samples')}"
    shown = ("frechet", "precision", "recall", "entropy")
    yield source.scored(models.values(), shown, parameters=True)
    titles = {key: words.title(key) for key in shown[1:]}
    yield words("compare-samples-text", gan_best=min(gans), gan_worst=max(gans), **titles, **frechet)


def _verdicts(source: Source) -> Iterator[str]:
    words, large = source.words, VAES[-1]
    gans = [source.model(report) for report in GANS]
    broken = [source.scores(source.exhibit(report))["frechet"] for report in GANS if source.exhibit(report)]
    by_latents = [source.measured.frechet[source.model(report)] for report in AUTOENCODERS]
    ranges: dict[str, float] = {}
    for key in ("unit", "prior"):
        values = [frechet[key] for frechet in by_latents]
        ranges |= {f"{key}_low": min(values), f"{key}_high": max(values)}
    gan = words(
        "verdict-gan",
        parameters=max(source.cards[model]["parameters"] for model in gans),
        low=min(broken),
        high=max(broken),
        recall=max(source.scores(model)["recall"] for model in gans),
    )
    errors = source.measured.mse[source.model(AUTOENCODERS[-1])]
    autoencoder = words("verdict-ae", mse=errors[TEST], **ranges)
    vae = words(
        "verdict-vae",
        exhibit=source.exhibit(large),
        broken=source.scores(source.exhibit(large))["frechet"],
        **{key: source.scores(source.model(large))[key] for key in ("frechet", "precision", "bound")},
    )
    yield f"### {words('compare-verdict')}"
    yield f"- {gan}\n- {autoencoder}\n- {vae}"


# -- its section 7: what it named as future work


def _classes(source: Source) -> Iterator[str]:
    """Models of the report's families that take a label, each after the report's own of that family and latent."""
    rows: dict[str, None] = {}  # an ordered set
    for name in others(source.cards):
        card = source.cards[name]
        like = [source.model(report) for report in source.found if _alike(source.card(report), card)]
        if "label" in card["options"] and like:
            rows |= dict.fromkeys([like[0], name])
    yield f"### {source.words('future-label')}"
    shown = ("judged", "judged_least")
    yield source.words("future-label-text", **{key: source.words.title(key) for key in shown})
    yield source.scored(rows, ("frechet", *shown))


def _alike(a: dict, b: dict) -> bool:
    return all(a[key] == b[key] for key in ("family", "latent"))


def _density(source: Source) -> Iterator[str]:
    words = source.words
    rows = []
    for report in (PLANE, *AUTOENCODERS):
        frechet = source.measured.frechet[source.model(report)]
        rows.append([f"`{source.model(report)}`", *(source.cell(frechet[key], ".1f") for key in LATENTS)])
    yield f"### {words('future-density')}"
    yield words("future-density-text")
    yield grid([words("model"), *(words(f"latents-{key}") for key in LATENTS)], rows)


def _noise(source: Source) -> Iterator[str]:
    """The GANs on noise of each distribution, raw and standardised."""
    words = source.words
    models = [name for report in NOISES for name in (source.exhibit(report), source.model(report)) if name]
    head = [words("model"), words("gan-noise"), words("noise-mean"), words("noise-std")]
    head += [words.title(key) for key in ("frechet", "entropy")]
    rows = []
    for name in models:
        moments, scores = source.measured.noise[name], source.scores(name)
        row = [f"`{name}`", words(f"noise-{source.cards[name]['prior']['distribution']}")]
        row += [source.cell(moments[key], ".2f") for key in ("mean", "std")]
        rows.append([*row, *(source.figure(key, scores[key]) for key in ("frechet", "entropy"))])
    yield f"### {words('future-noise')}"
    yield words("future-noise-text", dimension=source.card(NOISES[0])["latent"])
    yield grid(head, rows)


# -- what came since


def _others(source: Source) -> Iterator[str]:
    words, models = source.words, others(source.cards)
    rows = []
    for name in models:
        card = source.cards[name]
        rows.append([f"`{name}`", words.translated(card["summary"]), source.cell(card["parameters"], ",d")])
    yield words("others-text")
    yield grid([words("model"), words("others-summary"), words("parameters")], rows)
    yield words("others-samples", samples=source.measured.samples, test=source.measured.sizes[TEST])
    yield source.scored(models, [figure.name for figure in SAMPLES])
    yield words("others-images")
    with_encoder = [name for name in models if "mse" in source.scores(name)]
    yield source.scored(with_encoder, [figure.name for figure in RECONSTRUCTIONS], floor=False)
