"""Torch's global settings, set aside for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_defaults(device: str = "cpu") -> Iterator[None]:
    """Within it new tensors are float32 on `device`, and may learn, whatever the program has set."""
    dtype = torch.get_default_dtype()
    if dtype != torch.float32:
        torch.set_default_dtype(torch.float32)  # for all threads, so only where it has to be
    try:
        with torch.device(device), torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        if dtype != torch.float32:
            torch.set_default_dtype(dtype)
