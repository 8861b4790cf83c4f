"""How much a visitor may have, and all visitors together."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..shared.words import Words
from .refusals import Refused

say = Words(__file__)


class Connections:
    """Requests that are being answered. A page keeps two open, and a school or an office may have one address."""

    def __init__(self, each: int = 500, together: int = 2000):
        self.each, self.together = each, together
        self.open: Counter[str] = Counter()

    @contextmanager
    def one(self, visitor: str) -> Iterator[None]:
        """Count one more of the `visitor` while it is open. Raises Refused if there are too many."""
        if self.open[visitor] >= self.each or self.open.total() >= self.together:
            if not self.open[visitor]:
                del self.open[visitor]
            raise Refused(503, say("many_connections"), {"Retry-After": "10"})
        self.open[visitor] += 1
        try:
            yield
        finally:
            self.open[visitor] -= 1
            if not self.open[visitor]:
                del self.open[visitor]


class Allowance:
    """So many things and bytes in so many seconds."""

    def __init__(self, count: int, size: int, seconds: float):
        self.count, self.size, self.seconds = count, size, seconds
        self.taken: deque[tuple[float, int]] = deque()
        self.used = 0

    def fits(self, size: int) -> bool:
        """Whether one of that `size` is within it."""
        self._forget()
        return len(self.taken) < self.count and self.used + size <= self.size

    def take(self, size: int) -> None:
        self.taken.append((time.monotonic(), size))
        self.used += size

    @property
    def idle(self) -> bool:
        self._forget()
        return not self.taken

    def _forget(self) -> None:
        start = time.monotonic() - self.seconds
        while self.taken and self.taken[0][0] < start:
            self.used -= self.taken.popleft()[1]


class Uploads:
    """Uploads, of each visitor and of all."""

    def __init__(self, each: int = 60, together: int = 3000, seconds: float = 60):
        self.each, self.seconds = each, seconds
        self.all = Allowance(together, 200 * 10**6, seconds)
        self.visitors: dict[str, Allowance] = {}

    def check(self, visitor: str, size: int = 0) -> None:
        """Raises Refused if another upload, of so many bytes, would be too much."""
        allowance = self.visitors.get(visitor)
        if not self.all.fits(size) or (allowance is not None and not allowance.fits(size)):
            raise Refused(429, say("many_uploads", count=self.each), {"Retry-After": str(round(self.seconds))})

    def take(self, visitor: str, size: int) -> None:
        """Count an upload that is accepted."""
        if len(self.visitors) > 1000:
            self.visitors = {name: one for name, one in self.visitors.items() if not one.idle}
        if visitor not in self.visitors:
            self.visitors[visitor] = Allowance(self.each, 100 * 10**6, self.seconds)
        self.visitors[visitor].take(size)
        self.all.take(size)
