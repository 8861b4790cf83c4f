"""Every sentence that ranks the families, made from the figures, so that none can outlive them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gengallery.data import default_spec
from gengallery.evaluation.figures import FIGURES
from gengallery.families import family

NEAR = 1.1  # times the best distance: fewer steps than this takes would show


@dataclass(frozen=True)
class Criterion:
    """Something by which families rank: what it is, how its figures are written, and what its two ends are called."""

    what: str
    value: Callable[[dict[str, Any]], float | None]  # None: the family has no such figure
    template: str
    good: str
    bad: str
    low: bool = True  # is good

    def ranked(self, families: dict[str, Any]) -> list[str]:
        """The families that have the figure, the best first."""
        values = {name: self.value(found) for name, found in families.items()}
        return sorted((n for n, v in values.items() if v is not None), key=lambda n: self._order(values[n]))

    def _order(self, value: float | None) -> float:
        assert value is not None
        return value if self.low else -value

    def standing(self, name: str, families: dict[str, Any]) -> float | None:
        """Where the family stands: 0 is first, 1 is last; None where it has no such figure, or is alone with it."""
        order = self.ranked(families)
        return order.index(name) / (len(order) - 1) if name in order and len(order) > 1 else None

    def format(self, name: str, families: dict[str, Any]) -> str:
        """The family's figure."""
        return self.template.format(self.value(families[name]))

    def sentence(self, name: str, families: dict[str, Any]) -> str:
        """The family's figure and its place, beside the one that it is best compared with."""
        order = self.ranked(families)
        place = order.index(name)
        other = order[1] if place == 0 else order[0]
        relation = "the next is" if place == 0 else f"the {self.good} is"
        return (
            f"{self.what}: {self.format(name, families)}, {ordinal(place, len(order), self.good, self.bad)} of "
            f"{len(order)}; {relation} {self.format(other, families)}, {title(other)}."
        )


def ordinal(place: int, count: int, good: str, bad: str) -> str:
    """The place, from 0, in words, counted from the nearer end."""
    from_end = count - 1 - place
    end, steps = (good, place) if place <= from_end else (bad, from_end)
    return f"the {('', 'second ', 'third ', 'fourth ', 'fifth ')[steps]}{end}"


def title(name: str) -> str:
    """The family, as people call it."""
    return family(name).model.title


def criteria(settings: dict[str, Any]) -> list[Criterion]:
    """What the families are ranked by."""
    first, last = settings["moments"][0], settings["moments"][-1]
    frechet, precision, recall, mse = (FIGURES[name].form for name in ("frechet", "precision", "recall", "mse"))
    return [
        Criterion(
            f"Fréchet distance after {last:g} s", lambda f: f["moments"][-1]["frechet"], frechet, "lowest", "highest"
        ),
        Criterion(
            f"Fréchet distance after {first:g} s", lambda f: f["moments"][0]["frechet"], frechet, "lowest", "highest"
        ),
        Criterion(
            "Share of samples that look real (precision)",
            lambda f: f["moments"][-1]["precision"], precision, "highest", "lowest", low=False,
        ),
        Criterion(
            "Share of real images that are matched (recall)",
            lambda f: f["moments"][-1]["recall"], recall, "highest", "lowest", low=False,
        ),
        Criterion(
            "Squared error of reconstructions", lambda f: f["moments"][-1].get("mse"), mse, "lowest", "highest"
        ),
        Criterion("One image", lambda f: f["milliseconds"]["1"], "{:.2f} ms", "shortest", "longest"),
        Criterion("An image of 16 at once", lambda f: f["milliseconds"]["16"], "{:.3f} ms", "shortest", "longest"),
    ]  # fmt: skip


def strengths_and_weaknesses(name: str, found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What speaks for a family and against it: where it stands in the first or the last third, and what it lets one
    choose or lacks. Where there is none of these, the one thing in which it stands best, or worst."""
    families = found["families"]
    standings = {c: c.standing(name, families) for c in criteria(found["settings"])}
    placed = {c: place for c, place in standings.items() if place is not None}
    good = [c.sentence(name, families) for c, place in placed.items() if place <= 1 / 3] + _choices(families[name])
    bad = [c.sentence(name, families) for c, place in placed.items() if place >= 2 / 3] + _lacks(families[name])
    if placed and not good:
        good = [min(placed, key=lambda c: placed[c]).sentence(name, families)]
    if placed and not bad:
        bad = [max(placed, key=lambda c: placed[c]).sentence(name, families)]
    return good, bad


def _choices(found: dict[str, Any]) -> list[str]:
    chosen = ["It takes the class as an input, so you choose the garment."] if found["label"] else []
    if found["steps"]:
        lowest = min(run["frechet"] for run in found["steps"])
        run = next(run for run in found["steps"] if run["frechet"] <= NEAR * lowest)
        chosen.append(
            f"The number of steps is chosen after training: {run['steps']} are the fewest that come within a tenth of "
            f"its lowest distance, at {FIGURES['frechet'].written(run['frechet'])} and {run['milliseconds']:.2f} ms an "
            "image."
        )
    return chosen


def _lacks(found: dict[str, Any]) -> list[str]:
    lacks = []
    if found["searches"]:
        lacks.append("It has no encoder: the latent of an image has to be searched for.")
    if found["latent"] >= default_spec().pixels:
        lacks.append(f"Its latent has {found['latent']} numbers, as many as the image: nothing is made smaller.")
    if found["fitted"]:
        seconds = found["moments"][-1]["fitting"]
        lacks.append(
            f"It has no prior of its own: one of {found['fitted']:,} numbers is fitted when training is over, which "
            f"took {seconds:.1f} s more."
        )
    return lacks


def leaders(found: dict[str, Any]) -> Iterator[str]:
    """Who is nearest to the data after each moment."""
    for index, moment in enumerate(found["settings"]["moments"]):
        distances = {name: of["moments"][index]["frechet"] for name, of in found["families"].items()}
        first, *rest = sorted(distances, key=lambda name: distances[name])
        written = {name: FIGURES["frechet"].written(distance) for name, distance in distances.items()}
        before = f", before {title(rest[0])} at {written[rest[0]]}" if rest else ""
        yield f"- After {moment:g} s: **{title(first)}** at {written[first]}{before}."


def progress(name: str, found: dict[str, Any]) -> str:
    """What the last stretch of the budget changed."""
    moments = found["settings"]["moments"]
    if len(moments) < 2:
        return ""
    before, after = (moment["frechet"] for moment in found["families"][name]["moments"][-2:])
    verb = "fell" if after <= before else "rose"
    return f" From {moments[-2]:g} s to {moments[-1]:g} s its distance {verb} by {abs(1 - after / before):.0%}."
