"""Decoders for the browser: a safetensors file a model, whose header lists the layers that the page's script runs.

The header's metadata has, as JSON, `layers`, each with its `kind` and what it needs ("dense": tensors `weight` and
`bias`; "transposed": these, stride and padding; "shape"; "relu"; "leaky"; "sigmoid"), `latent`, and `image`: channels,
height, width and the number of classes. Models with two latent dimensions bring `positions` and `labels` of encoded
test images. Half precision where no pixel strays by it.
"""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, fx, nn
from torch.fx.proxy import TraceError

from gengallery.images import NO_CLASS
from gengallery.model import Condition, Model

NO_CONDITION = Condition(torch.full((1,), NO_CLASS))
TOLERANCE = 0.5 / 255  # of a pixel, when weights are rounded to half precision


class Decoder(nn.Module):
    """A model's decoder as a module, which torch.fx can trace."""

    def __init__(self, model: Model):
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> Tensor:
        return self.model.decoder(z, NO_CONDITION)


def export(model: Model, path: Path) -> bool:
    """Write the decoder of `model` to `path`; False, and nothing written, if the script can't do it: it lacks a layer,
    the decoder is no plain sequence of them, or the model takes a class or steps, which the script does not."""
    if model.options.names:
        return False
    try:
        traced = fx.symbolic_trace(Decoder(model))
    except TraceError:  # which way it goes depends on its numbers
        return False
    layers: list[dict[str, Any]] = []
    tensors: dict[str, Tensor] = {}
    for node in traced.graph.nodes:
        if node.op in ("placeholder", "output"):
            continue
        layer = _layer(node, traced)
        if layer is None:
            return False
        module = traced.get_submodule(node.target) if node.op == "call_module" else None
        for name, tensor in module.named_parameters() if module is not None else ():
            layer[name] = f"{len(layers)}.{name}"
            tensors[layer[name]] = tensor.detach().contiguous()
        layers.append(layer)
    halved = {name: tensor.half() for name, tensor in tensors.items()}
    tensors = halved if _harmless(model, traced, halved, layers) else tensors
    statistics = model.statistics
    if statistics is not None:
        tensors |= {"centroids": statistics.centroids.contiguous()}
        if len(statistics.positions):
            tensors |= {"positions": statistics.positions.contiguous(), "labels": statistics.labels.contiguous()}
    metadata = {
        "latent": str(model.config.latent), "layers": json.dumps(layers), "image": json.dumps(image_of(model)),
    }  # fmt: skip
    path.write_bytes(safetensors.torch.save(tensors, metadata))
    return True


def image_of(model: Model) -> dict[str, int]:
    """What the images of `model` are: channels, height, width, and how many classes its file tells apart."""
    with torch.inference_mode():
        channels, height, width = model.decode(torch.zeros(1, model.config.latent))[0].shape
    classes = 0 if model.statistics is None else len(model.statistics.centroids)
    return {"channels": channels, "height": height, "width": width, "classes": classes}


def _layer(node: fx.Node, traced: fx.GraphModule) -> dict[str, Any] | None:
    """What the page's script has to know of a step of the decoder; None for one that it can't do."""
    if node.op == "call_module":
        match traced.get_submodule(str(node.target)):
            case nn.Linear():
                return {"kind": "dense"}
            case nn.ConvTranspose2d() as layer if layer.dilation == (1, 1) and layer.groups == 1:
                return {
                    "kind": "transposed",
                    "stride": layer.stride[0],
                    "padding": int(layer.padding[0]),
                    "extra": layer.output_padding[0],
                }
            case nn.ReLU():
                return {"kind": "relu"}
            case nn.LeakyReLU() as layer:
                return {"kind": "leaky", "slope": layer.negative_slope}
            case nn.Sigmoid():
                return {"kind": "sigmoid"}
            case nn.Unflatten() as layer if layer.dim == 1:
                return {"kind": "shape", "shape": list(layer.unflattened_size)}
    if node.target in (torch.sigmoid, "sigmoid"):
        return {"kind": "sigmoid"}
    if node.target == "unflatten" and node.args[1] == 1:
        return {"kind": "shape", "shape": list(node.args[2])}  # type: ignore[arg-type]
    return None


def _harmless(model: Model, traced: fx.GraphModule, halved: dict[str, Tensor], layers: list[dict]) -> bool:
    """Whether the images of the model's own draws stay as they are, in 8 bits, with `halved` weights."""
    z = model.sample(64)
    nodes = [node for node in traced.graph.nodes if node.op not in ("placeholder", "output")]
    parameters = {
        f"{node.target}.{name}": halved[layer[name]].float()
        for node, layer in zip(nodes, layers, strict=True)
        for name in ("weight", "bias")
        if name in layer
    }
    with torch.inference_mode():
        rounded = torch.func.functional_call(traced, parameters, (z,))
        return bool((rounded - model.decode(z)).abs().max() < TOLERANCE)
