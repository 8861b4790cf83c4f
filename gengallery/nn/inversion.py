"""GAN inversion: encoding without an encoder, by a search for the latent whose image is nearest.

Of 256 samples of the prior, the same for every image, the 8 with the least mean squared error are optimised by Adam
(after Z. C. Lipton, S. Tripathi 2017, "Precise Recovery of Latent Vectors from Generative Adversarial Networks",
https://arxiv.org/abs/1702.04782). Every 25 steps the worse half of them is dropped, until one is left, which is
optimised up to the 200th step (successive halving: K. Jamieson, A. Talwalkar 2015, "Non-stochastic Best Arm
Identification and Hyperparameter Optimization", https://arxiv.org/abs/1502.07943). The result is the latent of the
least error at any step.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gengallery.model.spec import Condition
from gengallery.priors.noise import Prior

CANDIDATES = 256  # samples of the prior
STARTS = 8  # the best candidates, which are optimised
DESCENT = 200  # steps of the optimisation
ROUND = 25  # steps after which the worse half is dropped

Decoder = Callable[[Tensor, Condition], Tensor]


def search(decoder: Decoder, prior: Prior, images: Tensor, condition: Condition) -> Tensor:
    """The latents (n, d) found for `images` (n, C, H, W), decoded under `condition`, one for each image."""
    # One image at a time, so that the result does not depend on the rest of the batch.
    pairs = zip(images.split(1), condition.split(1), strict=True)
    return torch.cat([_search(decoder, prior, *pair) for pair in pairs])


def _search(decoder: Decoder, prior: Prior, image: Tensor, condition: Condition) -> Tensor:
    """The latent (1, d) found for one image (1, C, H, W)."""

    def errors(z: Tensor) -> Tensor:
        repeated = Condition(condition.labels.repeat(len(z)), condition.guidance, condition.steps)
        return (decoder(z.to(image.dtype), repeated) - image).to(exact).square().flatten(1).mean(1)

    exact = torch.promote_types(image.dtype, torch.float32)  # half precision is too coarse for the gradients
    candidates = prior.sample(CANDIDATES, seed=0).to(image.device, exact)
    with torch.inference_mode():
        best = errors(candidates).argsort()[:STARTS]
    with torch.inference_mode(False), torch.enable_grad():
        image = image.clone()  # no longer an inference tensor
        condition = Condition(condition.labels.clone(), condition.guidance, condition.steps)
        z = candidates.clone()[best.clone()].requires_grad_()
        optimizer = torch.optim.Adam([z], lr=0.1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, DESCENT)
        active, least, nearest = torch.arange(len(z), device=z.device), math.inf, z.detach()[0]
        for step in range(DESCENT + 1):
            found = errors(z[active])
            # A step may increase the error: the best of all steps is kept.
            if found.min() < least:
                least, nearest = found.min().item(), z.detach()[active[found.argmin()]].clone()
            if step == DESCENT:
                break
            if step and step % ROUND == 0 and len(active) > 1:
                kept = found.argsort()[: len(active) // 2]
                active, found = active[kept], found[kept]
            (z.grad,) = torch.autograd.grad(found.sum(), z)
            optimizer.step()
            schedule.step()
        return nearest[None]
