"""The comparison's two plots, as SVG."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from comparison.measure import best_of_gallery, frechet_of, measured_models
from comparison.words import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALETTE = (
    "#0b62a8",
    "#b3261e",
    "#00775a",
    "#9c4a00",
    "#6d3fa0",
    "#5c5f00",
    "#a81e72",
    "#40484f",
)  # on white, each 4.5:1
INK, LINE = "#3c4043", "#dadce0"
BESIDE = 9.0  # points from a point to its label
SIZE = 12  # of letters, in points, in a plot of 5.2 inches: 12 pixels still on a telephone
STYLE = {
    "svg.fonttype": "none",  # letters stay letters: to be found, read aloud and drawn in the reader's own font
    "svg.hashsalt": "families",  # else the same plot is another file each time
    "font.size": SIZE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.minor.bottom": False,
    "ytick.minor.left": False,
}


@dataclass(frozen=True)
class Label:
    """Words beside a point."""

    x: float
    y: float
    text: str
    colour: str
    size: float = SIZE
    bold: bool = False

    @property
    def width(self) -> float:
        """In points, about: which font the reader has is not known."""
        return (0.68 if self.bold else 0.6) * self.size * len(self.text)


def colours(found: dict[str, Any], others: Iterable[str] = ()) -> dict[str, str]:
    """One for each family that was compared, the same in both plots, and one for each of the `others`."""
    names = dict.fromkeys([*found["families"], *others])
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}


def training_plot(found: dict[str, Any]) -> bytes:
    """Quality against seconds of training, as SVG."""

    def draw(axes: "Axes") -> None:
        labels = []
        for name, colour in colours(found).items():
            moments = found["families"][name]["moments"]
            x, y = [m["seconds"] for m in moments], [m["frechet"] for m in moments]
            axes.plot(x, y, "o-", color=colour, linewidth=2, markersize=6)
            labels.append(Label(x[-1], y[-1], title(name), colour))
        moments = found["settings"]["moments"]
        room = (
            BESIDE + max(label.width for label in labels)
        ) / axes.get_window_extent().width  # a share, for the names
        axes.set_xlim(moments[0] / 1.15, moments[-1] * (1.15 * moments[-1] / moments[0]) ** (room / (1 - room)))
        values = [m["frechet"] for of in found["families"].values() for m in of["moments"]]
        axes.set_ylim(min(values) / 1.3, max(values) * 1.2)
        axes.set_xticks(moments, [f"{moment:g}" for moment in moments])
        label_line_ends(axes, labels)

    return svg(draw, "seconds of training")


def sampling_plot(found: dict[str, Any], cards: dict[str, dict[str, Any]]) -> bytes:
    """Quality against milliseconds an image, of 16 at once, as SVG."""

    def draw(axes: "Axes") -> None:
        names, notes, points, lines = [], [], [], []
        best = best_of_gallery(found, cards)
        of_family = colours(found, best)
        for model in measured_models(found, cards):
            x, y, colour = found["gallery"][model]["16"], frechet_of(cards[model]), of_family[cards[model]["family"]]
            axes.plot(x, y, "o", markerfacecolor="none", markeredgecolor=colour, markersize=7, markeredgewidth=1.4)
            points.append((x, y))
            if model in best.values():
                notes.append(Label(x, y, model, colour, SIZE - 2))
        for name, of in found["families"].items():
            colour = of_family[name]
            runs = [(run["milliseconds"], run["frechet"]) for run in of["steps"]]
            axes.plot([x for x, _ in runs], [y for _, y in runs], ".-", color=colour, linewidth=1, markersize=6)
            for run in (of["steps"][0], of["steps"][-1]) if of["steps"] else ():
                words = f"{run['steps']} step{'s' if run['steps'] > 1 else ''}"
                notes.append(Label(run["milliseconds"], run["frechet"], words, colour, SIZE - 2))
            x, y = of["milliseconds"]["16"], of["moments"][-1]["frechet"]
            axes.plot(x, y, "o", color=colour, markersize=9)
            names.append(Label(x, y, title(name), colour, bold=True))
            points.append((x, y))
            lines += [runs[0], *points_between(runs)] if runs else []
        for limit, values in (
            (axes.set_xlim, [x for x, _ in points + lines]),
            (axes.set_ylim, [y for _, y in points + lines]),
        ):
            span = (max(values) / min(values)) ** 0.1
            limit(min(values) / span / 1.1, max(values) * span * 1.1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(_decades(few=axis is axes.xaxis))
        label_points(axes, [*names, *notes], points + lines)

    return svg(draw, "milliseconds an image, 16 at once")


def points_between(corners: list[tuple[float, float]], parts: int = 12) -> list[tuple[float, float]]:
    """Points of the line through `corners` on logarithmic axes, the first left out: `parts` a stretch."""
    shares = [part / parts for part in range(1, parts + 1)]
    return [(a[0] ** (1 - t) * b[0] ** t, a[1] ** (1 - t) * b[1] ** t) for a, b in pairwise(corners) for t in shares]


def svg(draw: Callable[["Axes"], None], below: str) -> bytes:
    """A plot on a white card, both axes logarithmic, the second of Fréchet distances: the same bytes each time."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):  # type: ignore[arg-type]  # the keys are known to matplotlib as literals
        figure = Figure(figsize=(5.2, 5.0), dpi=72, facecolor="white")
        axes = figure.add_axes((0.095, 0.125, 0.885, 0.785))
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(_decades())
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
        axes.grid(axis="y", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["left", "top", "right"]].set_visible(False)
        axes.tick_params(length=0, pad=5)
        axes.set_xlabel(below, loc="left")
        axes.set_title("Fréchet distance: lower is nearer to the data", loc="left", fontsize=SIZE, x=-0.09, pad=12)
        draw(axes)
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _decades(few: bool = False) -> Any:
    """Ticks at 1, 2, 3, 5, 10 and so on; at 1, 10 and so on where there is room for few."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1,) if few else (1, 2, 3, 5), numticks=20)


def label_line_ends(axes: "Axes", labels: list[Label]) -> None:
    """Write each label to the right of its point, as near to its height as the others allow."""
    places = [axes.transData.transform((label.x, label.y)) for label in labels]
    heights = spread([place[1] for place in places], 1.25 * SIZE)
    for label, place, height in zip(labels, places, heights, strict=True):
        write_label(axes, label, BESIDE, height - place[1], "left")


def spread(heights: list[float], gap: float) -> list[float]:
    """`heights` moved as little as makes each two at least `gap` apart, their order kept."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    groups: list[list[int]] = []  # of neighbours that touch: each group lies around its members' mean
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _ends(groups[-1], heights, gap)[0] - _ends(groups[-2], heights, gap)[1] < gap:
            last = groups.pop()
            groups[-1] += last
    moved = list(heights)
    for group in groups:
        start = _ends(group, heights, gap)[0]
        for position, index in enumerate(group):
            moved[index] = start + position * gap
    return moved


def _ends(group: list[int], heights: list[float], gap: float) -> tuple[float, float]:
    """The lowest and highest place of a group whose members lie `gap` apart around their mean."""
    mean, half = sum(heights[i] for i in group) / len(group), gap * (len(group) - 1) / 2
    return mean - half, mean + half


def label_points(axes: "Axes", labels: list[Label], points: list[tuple[float, float]]) -> None:
    """Write each label beside its point, on the first side where it covers no point and no label before it."""
    taken = [_around(*axes.transData.transform(point)) for point in points]
    bounds = axes.get_window_extent().extents
    for label in labels:
        x, y = axes.transData.transform((label.x, label.y))
        best, least = None, inf
        for dx, dy, side in _sides(label.size):
            left = x + dx - {"left": 0.0, "center": label.width / 2, "right": label.width}[side]
            box = (left, y + dy - label.size / 2, left + label.width, y + dy + label.size / 2)
            bad = sum(_overlap(box, other) for other in taken) + 4 * (_area(box) - _overlap(box, tuple(bounds)))
            if bad < least:
                best, least = (dx, dy, side, box), bad
        assert best is not None
        taken.append(best[3])
        write_label(axes, label, *best[:3])


def _sides(size: float) -> Iterator[tuple[float, float, str]]:
    """Where a label may stand from its point, the best first: how far to the right, how far up, which end is there."""
    for far in (0.0, 0.7 * size, 1.4 * size):
        yield from ((BESIDE + far, 0.0, "left"), (-BESIDE - far, 0.0, "right"))
        for up in (size + far, -size - far):
            yield from ((0.0, up, "center"), (4.0, up, "left"), (-4.0, up, "right"))


def _around(x: float, y: float, reach: float = 4.0) -> tuple[float, float, float, float]:
    return x - reach, y - reach, x + reach, y + reach


def _area(box: tuple[float, ...]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The area that two boxes share."""
    return _area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def write_label(axes: "Axes", label: Label, dx: float, dy: float, side: str) -> None:
    """Write the label so many points to the right of and above its point, which is at this end of it."""
    axes.annotate(
        label.text, (label.x, label.y), (dx, dy), textcoords="offset points", ha=side, va="center_baseline",
        color=label.colour, fontsize=label.size, fontweight="bold" if label.bold else "normal",
    )  # fmt: skip
