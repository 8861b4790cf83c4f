"""What a model costs: parameters to learn, and floating-point operations to train and to generate."""

from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gengallery.defaults import torch_defaults
from gengallery.families import learner
from gengallery.model.model import Model
from gengallery.model.spec import Card, Condition

COUNTED = 4  # steps whose operations are counted: as many as the rarest penalty comes after


def parameters(card: Card) -> int:
    """How many numbers the model on `card` learns."""
    with torch.device("meta"):
        return sum(p.numel() for p in card.model(card.config).parameters())


def cost(card: Card, images: int) -> dict[str, float]:
    """Floating-point operations of the products and convolutions, a multiplication and an addition counting as two:
    `training`, of the whole of it with so many `images` an epoch, and `image`, of generating one."""
    trained, drawn = Operations(), Operations()
    with torch_defaults(), torch.random.fork_rng(devices=[]):
        steps = learner(card)
        spec, count = card.config.image, card.recipe.batch
        classes = torch.arange(count, device="cpu") % max(1, len(spec.classes))
        batch = torch.rand(count, *spec.shape, dtype=torch.float32, device="cpu"), classes
        rng = np.random.default_rng(0)
        with trained:
            for _ in range(COUNTED):
                steps.step(*batch, rng)
    model = steps.model.eval()
    with torch.no_grad(), drawn:  # in inference mode, linear layers would not be seen as products
        if isinstance(model, Model):
            options = model.options
            model.decoder(model.sample(1), Condition(batch[1][:1], options.guidance or 1.0, options.steps or 1))
        else:
            model(batch[0][:1])
    return {
        "training": trained.total / COUNTED * (images // count) * card.recipe.epochs,
        "image": float(drawn.total),
    }


class Operations(TorchDispatchMode):
    """Counts, while it is entered, the operations of products and convolutions, by torch's own formulas.

    torch's FlopCounterMode does it too, but can't stand a gradient that is taken at a leaf, as penalties are.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call `function`, and count its operations."""
        answer = function(*args, **(kwargs or {}))
        formula = flop_registry.get(function.overloadpacket)
        self.total += formula(*args, **(kwargs or {}), out_val=answer) if formula else 0
        return answer
