"""What a card describes, training makes, and a file of weights rebuilds."""

from typing import Any, ClassVar, Self

import torch
from torch import nn

from gengallery.data import ImageSpec
from gengallery.model.spec import Config, Paper


class Network(nn.Module):
    """A network that its config rebuilds. Its tensors come in rows, so that any library can save its `state_dict`."""

    family: ClassVar[str]  # by which a file of weights names it
    config_type: ClassVar[type[Config]]
    title: ClassVar[str]  # of the family, as people call it; Text where there are translations
    paper: ClassVar[Paper]
    equations: ClassVar[tuple[str, ...]] = ()  # that the code implements, in plain text

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.name = ""  # in the gallery; "" for one that comes from no file
        self.header: dict[str, Any] = {}  # of its file

    @classmethod
    def build(cls, config: dict[str, Any]) -> Self:
        """A network with fresh weights from its config as JSON. Raises TypeError or ValueError for another's config."""
        return cls(cls.config_type.from_json(config))

    @property
    def image(self) -> ImageSpec:
        """What images it is for."""
        return self.config.image

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]  # as torch itself
        """As torch's, with every tensor contiguous: weights of convolutions are kept with their channels innermost,
        which is faster but which safetensors refuses to save."""
        state: dict[str, Any] = super().state_dict(*args, **kwargs)
        for name, tensor in state.items():
            if not tensor.is_contiguous():
                state[name] = tensor.contiguous()
        return state

    def placement(self) -> tuple[torch.device, torch.dtype]:
        """The device and the floating type of its parameters: the CPU and float32 where it has none."""
        for parameter in self.parameters():
            return parameter.device, parameter.dtype
        return torch.device("cpu"), torch.float32


def tensors_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters and buffers of `module` themselves, by name, where `state_dict` may give copies."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
