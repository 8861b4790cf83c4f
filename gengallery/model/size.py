"""How large a network may become that a file of weights asks for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from gengallery.storage.tensors import MOST_NUMBERS

MOST_BLOCKS = 64  # residual blocks, as a config counts them under `blocks`; ours have 6 at most
MOST_MODULES = 2000  # of any kind: 64 blocks have some 500, and each takes time to build


class TooLarge(ValueError):
    """A network grew beyond what is allowed; the message says what that is."""


@contextmanager
def bounded(config: dict[str, Any], trusted: bool = False) -> Iterator[None]:
    """Raise `TooLarge` if a network that is built inside, from a `config` as JSON, has more than 50 million parameters
    and buffers, 64 blocks or 2,000 modules; as soon as it has, since building takes time and memory. Of a `trusted` one
    all is allowed.

    Holds for the calling thread, and for every family: torch itself tells what its modules are given.
    """
    if trusted:
        yield
        return
    blocks = config.get("blocks", 0)
    if (
        sum(count for count in (blocks if isinstance(blocks, list) else [blocks]) if isinstance(count, int))
        > MOST_BLOCKS
    ):
        raise TooLarge(f"a network of at most {MOST_BLOCKS} blocks")
    thread, numbers, modules = threading.get_ident(), 0, 0

    def given(_: nn.Module, __: str, found: Tensor | nn.Module | None) -> None:
        nonlocal numbers, modules
        if threading.get_ident() != thread or found is None:
            return
        numbers += found.numel() if isinstance(found, Tensor) else 0
        modules += isinstance(found, nn.Module)
        if numbers > MOST_NUMBERS:
            raise TooLarge(f"a network of at most {MOST_NUMBERS:,} numbers")
        if modules > MOST_MODULES:
            raise TooLarge(f"a network of at most {MOST_MODULES:,} modules")

    hooks = [
        register_module_parameter_registration_hook(given),
        register_module_buffer_registration_hook(given),
        register_module_module_registration_hook(given),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
