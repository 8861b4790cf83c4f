"""What several tests of the demo share: the panels that grow, as they are in the end."""

from collections.abc import Iterator
from typing import Any

from demo.shared.panels import Panel
from demo.tabs.morph import view as morph
from demo.tabs.reconstruction import view as reconstruction
from demo.tabs.steer import view as steer


def last(growing: Iterator[Panel]) -> Panel:
    *_, whole = growing
    return whole


def classes(*wish: Any, **more: Any) -> Panel:
    return last(steer.growing_classes(*wish, **more))


def guided(*wish: Any, **more: Any) -> Panel:
    return last(steer.growing_guided(*wish, **more))


def formed(*wish: Any, **more: Any) -> Panel:
    return last(steer.growing_formed(*wish, **more))


def morphs(*wish: Any, **more: Any) -> Panel:
    return last(morph.growing(*wish, **more))


def reconstructions(*wish: Any, **more: Any) -> Panel:
    return last(reconstruction.growing(*wish, **more))
