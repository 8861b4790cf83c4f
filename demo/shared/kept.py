"""Answers that are kept, so that what took long is not made again, and whether one is there."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import update_wrapper
from threading import Lock
from typing import Generic, Protocol, TypeVar

R = TypeVar("R")


class Kept(Generic[R]):
    """`make`, a function of positional arguments, with its last `most` answers. Of arguments that can't be hashed, as a
    request made by hand may have them, none is kept."""

    def __init__(self, make: Callable[..., R], most: int):
        self.make, self.most = make, most
        self.answers: OrderedDict[Hashable, R] = OrderedDict()
        self.lock = Lock()
        update_wrapper(self, make)

    def __call__(self, *args: Hashable) -> R:
        if not _hashable(args):
            return self.make(*args)
        found = self.known(*args)
        if found is None:
            found = self.make(*args)
            with self.lock:
                self.answers[args] = found
                while len(self.answers) > self.most:
                    self.answers.popitem(last=False)
        return found

    def known(self, *args: Hashable) -> R | None:
        """The answer, if it is there."""
        with self.lock:
            if not _hashable(args) or args not in self.answers:
                return None
            self.answers.move_to_end(args)
            return self.answers[args]


def _hashable(args: tuple) -> bool:
    try:
        hash(args)
    except TypeError:
        return False
    return True


class Keeping(Protocol):
    def __call__(self, make: Callable[..., R]) -> Kept[R]: ...


def kept(most: int) -> Keeping:
    """Keep the last `most` answers of a function, none of which may be None."""

    def keep(make: Callable[..., R]) -> Kept[R]:
        return Kept(make, most)

    return keep
