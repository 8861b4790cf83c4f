"""Ordinary differential equations: where a field of velocities carries a point."""

from collections.abc import Callable, Iterator

from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]  # points (n, ...) and the time to their velocities, of the same shape


def midpoint(velocity: Velocity, x: Tensor, start: float, end: float, steps: int) -> Iterator[Tensor]:
    """The points `x` (n, ...) at `start`, and after each of `steps` equal steps to `end`, which may be the earlier.

    By the midpoint rule, which asks for the velocity twice a step; its error falls with the square of their number:

        x(t + h) = x(t) + h v(x(t) + h/2 v(x(t), t), t + h/2)

    (E. Hairer, S. P. Norsett, G. Wanner 1993, Solving Ordinary Differential Equations I,
    https://doi.org/10.1007/978-3-540-78862-1, section II.1).
    """
    yield x
    h = (end - start) / steps
    for step in range(steps):
        t = start + step * h
        halfway = x + h / 2 * velocity(x, t)
        x = x + h * velocity(halfway, t + h / 2)
        yield x
