"""What the demo's figures are to be, and the line in which a figure stands beside its goal."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A figure is to be at most `bound`, or, if `least`, at least that."""

    bound: float
    unit: str = ""
    least: bool = False

    def met(self, value: float) -> bool:
        """Whether `value` is good enough; what could not be measured is not."""
        return value >= self.bound if self.least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.bound:g} {self.unit}".rstrip()


FRAME_MS = 17  # a frame at 60 a second, and a little
FRAME_RATE = Goal(59.5, "a second", least=True)  # 60, as far as a clock tells
FRAMES_IN_TIME = Goal(95, "%", least=True)  # of the frames, under FRAME_MS
USABLE = Goal(3, "s")
BYTES = Goal(1.2, "MB")
OUTSIDE_REQUESTS = Goal(0)
READY = Goal(8, "s")
MATRIX = Goal(300, "ms")
FAILURES = Goal(0)
MEDIAN_CALL, SLOW_CALL = Goal(1, "s"), Goal(3, "s")  # of many visitors: the median, the 95th percentile
MEMORY_GROWTH = Goal(10, "MB")  # in the second half of the calls


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * share // 100) - 1)]


def result_line(what: str, value: float, goal: Goal, note: str = "") -> str:
    """What was measured, the figure, the goal, met or not."""
    figure = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    line = f"{what:44}{figure:>8} {goal.unit:10} goal {goal!s:16}{'met' if goal.met(value) else 'NOT met':8}{note}"
    return line.rstrip()
