r"""A GAN whose components an encoder can tell apart (InfoGAN: Chen et al. 2016, section 5).

1. The discriminator descends its adversarial loss on real images and samples, as in a GAN.
2. The encoder Q descends the error of the component that it reads from samples. Of real images, which have no label, it
   maximises what two views of each share (invariant information clustering: Ji, Henriques & Vedaldi 2019): that is new
   here, and what makes its components the groups into which the data fall.
3. The generator descends its adversarial loss, and the error of the encoder on its samples.

.. math:: L_Q = \lambda_Q E_{k,z} [-\log Q(k | G(z))] - I(Q(x); Q(x')), \qquad
          L_G = L_{adv} + \lambda_G E_{k,z} [-\log Q(k | G(z))]

InfoGAN's Q is a head of the discriminator; this one is a network of its own, which the model keeps.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..core.errors import UserError
from ..data.augmentation import find_policies
from ..data.views import VIEWS
from ..networks.base import Discriminator, Encoder, Generator
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import (
    Adversary,
    ComponentTerm,
    DiscriminatorTerm,
    EncoderTerm,
    GeneratorTerm,
    PenaltyTerm,
    prior_terms,
    trained,
)


class InfoGan(Objective):
    """Generator against discriminator, and with an encoder that reads the component of the prior.

    Args:
        weight: lambda_G, of the encoder's error on samples in the generator's loss.
        encoder_weight: lambda_Q, of the same in the encoder's.
        views: what changes an image and not what it shows: any of ``affine``, ``colour``, ``translation`` and
            ``cutout``, in this order.
        settle: images after which the head of the encoder that is in force stays; until then it is the one that tells
            most of the data.
        augmentation: what images undergo before the discriminator sees them, see :class:`Gan`.

    Raises:
        UserError: a weight is not above 0, ``settle`` is negative, there are no views, or there is none of that name.
    """

    name = "info-gan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        encoder: Encoder,
        loss: AdversarialLoss,
        weight: float = 0.5,
        encoder_weight: float = 0.1,
        views: Sequence[str] = ("affine",),
        settle: int = 100_000,
        augmentation: Sequence[str] = (),
    ) -> None:
        for option, value in {"weight": weight, "encoder_weight": encoder_weight}.items():
            if not value > 0:
                raise UserError(f"'objective.{option}' is {value}, but must be above 0.")
        if settle < 0:
            raise UserError(f"'objective.settle' is {settle}, but must be at least 0.")
        if not views:
            raise UserError("'objective.views' is empty: name at least one, as in [affine].")
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.encoder = encoder
        adversary = Adversary(discriminator, loss, augmentation)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            EncoderTerm(encoder, find_policies(views, VIEWS, "views"), encoder_weight, settle),
            GeneratorTerm(adversary),
            ComponentTerm(encoder, weight),
            *prior_terms(prior),
        )

    def players(self) -> dict[str, nn.Module]:
        networks = {"generator": self.generator, "discriminator": self.discriminator, "encoder": self.encoder}
        return {**networks, **trained(self.prior)}
