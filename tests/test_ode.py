"""The midpoint rule against exact solutions."""

import math

import pytest
import torch

from gengallery.ode import midpoint

X = torch.tensor([[1.0, -2.0], [0.5, 3.0], [0.0, -0.1]], dtype=torch.float64)


def end(velocity, x, start, stop, steps):
    *_, last = midpoint(velocity, x, start, stop, steps)
    return last


def turning(x, t):
    """Once around the origin in a time of 2 pi."""
    return torch.stack([-x[:, 1], x[:, 0]], 1)


def growing(x, t):
    """By a rate that grows, so that x(t) = x(0) exp(t^2)."""
    return 2 * t * x


def turned(angle):
    return X @ torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]).double()


@pytest.mark.parametrize(("velocity", "exact"), [(turning, turned(1.0)), (growing, X * math.e)])
def test_the_error_falls_with_the_square_of_the_steps(velocity, exact):
    errors = [(end(velocity, X, 0.0, 1.0, steps) - exact).abs().max().item() for steps in (20, 40, 80)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)
    assert errors[2] < 2e-3


def test_one_step_by_hand():
    x = torch.tensor([[2.0]])
    seen = []

    def velocity(x, t):
        seen.append((x.item(), t))
        return x + t

    # halfway 2 + 0.25 (2 + 1) = 2.75; then 2 + 0.5 (2.75 + 1.25) = 4
    assert end(velocity, x, 1.0, 1.5, 1).item() == 4
    assert seen == [(2.0, 1.0), (2.75, 1.25)]


def test_it_is_exact_where_the_velocity_is_linear_in_time():
    found = end(lambda x, t: torch.full_like(x, 3 * t), X, 1.0, 3.0, 1)
    torch.testing.assert_close(found, X + 12)


@pytest.mark.parametrize("velocity", [turning, growing])
def test_back_undoes_forth(velocity):
    there = end(velocity, X, 0.0, 1.0, 100)
    assert (there - X).abs().max() > 0.5
    torch.testing.assert_close(end(velocity, there, 1.0, 0.0, 100), X, rtol=0, atol=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_each_step_is_shown_from_the_start_on(steps):
    points = list(midpoint(turning, X, 0.0, 0.1, steps))
    assert len(points) == steps + 1
    assert torch.equal(points[0], X)
    for k, point in enumerate(points):
        torch.testing.assert_close(point, turned(0.1 * k / steps), rtol=0, atol=1e-3)


def test_the_velocity_is_asked_twice_a_step_and_never_before_it_is_needed():
    asked = []
    points = midpoint(lambda x, t: asked.append(t) or x, X, 0.0, 1.0, 4)
    next(points)
    assert asked == []
    next(points)
    assert asked == [0, 0.125]
    list(points)
    assert asked == [k / 8 for k in range(8)]


def test_a_point_that_was_shown_stays_as_it_was():
    points = midpoint(lambda x, t: x, X.clone(), 0.0, 1.0, 3)
    first = next(points)
    list(points)
    assert torch.equal(first, X)
