"""What a page is made from, in one language: the words, what was measured, and the cards; and its tables."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

from reporting.contents import TEST, TRAIN
from reporting.experiments import experiments
from reporting.measure import Measured
from reporting.words import Words

Cards = dict[str, dict[str, Any]]
_NUMERIC = ("", "−", *"0123456789")  # how a number's cell may begin


class Source:
    """The words of one language, what was measured, the cards, and which models the report's experiments are."""

    def __init__(self, words: Words, measured: Measured, cards: Cards):
        self.words, self.measured, self.cards = words, measured, cards
        self.found = experiments(cards)

    def model(self, report: str) -> str:
        """The name of the model of an experiment."""
        return self.found[report].model

    def exhibit(self, report: str) -> str:
        """The name of the model that shows how the experiment failed in the report; empty if there is none."""
        return self.found[report].exhibit

    def card(self, report: str) -> dict[str, Any]:
        """The card of the model of an experiment."""
        return self.cards[self.model(report)]

    def scores(self, model: str) -> dict[str, float]:
        """The figures of a model's scorecard. Raises ValueError if it has none."""
        return self._scorecard(model)["figures"]

    def floor(self) -> dict[str, float]:
        """The figures of real images, of the scorecards of all models together."""
        return {key: value for model in self.cards for key, value in self._scorecard(model)["floor"].items()}

    def _scorecard(self, model: str) -> dict[str, Any]:
        found = self.cards[model]["scorecard"]
        if found is None:
            raise ValueError(f"{model}: expected a scorecard, found none: run scripts/evaluate.py {model}")
        return found

    def table(self, number: int, caption: str, head: list[str], rows: list[list[str]]) -> str:
        """One of the report's tables; see `grid`."""
        return f"{self.words('table', number=number, caption=self.words(caption))}\n\n{grid(head, rows)}"

    def scored(self, models: Iterable[str], names: Iterable[str], parameters: bool = False, floor: bool = True) -> str:
        """A table of what the scorecards of `models` hold of the figures of these `names`; in its last row, if `floor`,
        the figures of real images. A figure that no model has gets no column."""
        words, rows = self.words, {f"`{model}`": self.scores(model) for model in models}
        used = [key for key in names if any(key in scores for scores in rows.values())]
        head = [words("model"), *map(words.title, used)]
        if floor:
            rows[words("real-images")] = self.floor()
        cells = [[name, *(self.figure(key, scores.get(key)) for key in used)] for name, scores in rows.items()]
        if parameters:
            head.insert(1, words("parameters"))
            for row, model in zip_longest(cells, models):
                row.insert(1, self.cell(self.cards[model]["parameters"] if model else None, ",d"))
        return grid(head, cells)

    def figure(self, name: str, value: float | None) -> str:
        """The value of a scorecard's figure, in a table; empty where there is none."""
        return "" if value is None else self.words.figure(name, value)

    def cell(self, value: float | None, form: str) -> str:
        """A number of a table; empty where there is none."""
        return "" if value is None else self.words.number(value, form)


def grid(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; columns of numbers are aligned to the right."""
    numeric = [all(cell[:1] in _NUMERIC for cell in column) for column in zip(*rows, strict=True)]
    rule = "|" + "".join("---:|" if right else "---|" for right in numeric)
    return "\n".join(["| " + " | ".join(head) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)])


def gap(of_splits: dict[str, float]) -> float:
    """By what share of itself the figure of the training set is exceeded by that of the test set."""
    return of_splits[TEST] / of_splits[TRAIN] - 1
