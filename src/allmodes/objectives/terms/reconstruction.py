r"""A discriminator of few images must be able to draw what it sees (FastGAN: Liu et al. 2021, equations 3 and 4).

.. math:: \lambda\, E_x \big( |D'(f_2(x)) - x_{half}| + |D''(f_1(x)_c) - x_c| \big)

with f its maps of real images, D' and D'' small decoders, c a quarter of the image, drawn for every step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...networks.drawing import Reconstructing
from .adversarial import judged
from .base import Loss, Step, Term


class ReconstructionTerm(Term):
    """The mean absolute error of both reconstructions of real images, as the discriminator saw them.

    Args:
        discriminator: draws them.
        weight: lambda.
    """

    name = "reconstruction"
    player = "discriminator"

    def __init__(self, discriminator: Reconstructing, weight: float) -> None:
        self.discriminator = discriminator
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        seen, real = judged(step), len(step.batch.images)
        corner = int(torch.randint(4, (), generator=step.moment.rng("corner")))
        drawn = self.discriminator.reconstruct([maps[:real] for maps in seen.judgement.maps], corner)
        wanted = self.discriminator.views(seen.shown[:real].detach(), corner)
        value = apart(drawn.whole, wanted.whole) + apart(drawn.part, wanted.part)
        return Loss(self.weight * value, {"reconstruction": value.detach()})


def apart(a: Tensor, b: Tensor) -> Tensor:
    """The mean absolute difference of images, a scalar."""
    return (a.float() - b.float()).abs().mean()
