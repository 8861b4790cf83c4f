"""Encoding without an encoder: the search for the latent whose image is nearest.

Of 256 draws from the prior, the same for every image, the best 8 by mean squared error go down the gradient by Adam (in
the manner of Z. C. Lipton, S. Tripathi 2017, "Precise Recovery of Latent Vectors from Generative Adversarial Networks",
https://arxiv.org/abs/1702.04782). After every 25 steps the worse half of them is given up, and the last one goes on to
the 200th (successive halving: K. Jamieson, A. Talwalkar 2015, "Non-stochastic Best Arm Identification and
Hyperparameter Optimization", https://arxiv.org/abs/1502.07943); the nearest of all on the way is the answer.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gengallery.model.spec import Condition
from gengallery.priors.noise import Prior

CANDIDATES = 256  # latents from the prior that a search looks at
STARTS = 8  # the best of them, from which it descends
DESCENT = 200  # steps of the descent
ROUND = 25  # steps after which the worse half gives up

Decoder = Callable[[Tensor, Condition], Tensor]


def search(decoder: Decoder, prior: Prior, images: Tensor, condition: Condition) -> Tensor:
    """The latents (n, d) found for `images` (n, C, H, W), each under its `condition`."""
    # One image at a time, so that its answer does not depend on its neighbours in the batch.
    pairs = zip(images.split(1), condition.split(1), strict=True)
    return torch.cat([_search(decoder, prior, *pair) for pair in pairs])


def _search(decoder: Decoder, prior: Prior, image: Tensor, condition: Condition) -> Tensor:
    """The latent (1, d) found for one image (1, C, H, W)."""

    def errors(z: Tensor) -> Tensor:
        repeated = Condition(condition.labels.repeat(len(z)), condition.guidance, condition.steps)
        return (decoder(z.to(image.dtype), repeated) - image).to(exact).square().flatten(1).mean(1)

    exact = torch.promote_types(image.dtype, torch.float32)  # half precision is too rough to descend in
    candidates = prior.sample(CANDIDATES, seed=0).to(image.device, exact)
    with torch.inference_mode():
        best = errors(candidates).argsort()[:STARTS]
    with torch.inference_mode(False), torch.enable_grad():
        image = image.clone()  # no longer an inference tensor
        condition = Condition(condition.labels.clone(), condition.guidance, condition.steps)
        z = candidates.clone()[best.clone()].requires_grad_()
        optimizer = torch.optim.Adam([z], lr=0.1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, DESCENT)
        alive, least, nearest = torch.arange(len(z), device=z.device), math.inf, z.detach()[0]
        for step in range(DESCENT + 1):
            found = errors(z[alive])
            # Not every step goes down: the nearest on the way is kept.
            if found.min() < least:
                least, nearest = found.min().item(), z.detach()[alive[found.argmin()]].clone()
            if step == DESCENT:
                break
            if step and step % ROUND == 0 and len(alive) > 1:
                kept = found.argsort()[: len(alive) // 2]
                alive, found = alive[kept], found[kept]
            (z.grad,) = torch.autograd.grad(found.sum(), z)
            optimizer.step()
            schedule.step()
        return nearest[None]
