r"""The supervised GM-GAN: a GAN that is told the classes, from a mixture whose components own them.

1. Draw real images x with their classes y, and for each a latent z of a component of its class.
2. The discriminator descends its adversarial loss on D(x) and D(G(z)), and the cross-entropy of y given x.
3. The generator descends its adversarial loss on D(G(z)), and the cross-entropy of y given G(z); so do the means and
   covariances of the mixture, if they are learnt.

In the paper the discriminator has N + 1 outputs, N classes and one for samples, and both players descend one
cross-entropy (Ben-Yosef & Weinshall 2018). With a score s and class logits c that is

.. math:: p(k \mid x) = \sigma(s)\, \mathrm{softmax}(c)_k, \quad p(\text{sample} \mid x) = \sigma(-s)
          \quad\Rightarrow\quad -\log p(k \mid x) = \mathrm{softplus}(-s) - \log \mathrm{softmax}(c)_k,

the non-saturating loss and the class terms, each of weight 1: this objective under that loss is the paper's. Under
another loss, or another weight, it is ours. Samples enter the discriminator's class term in neither (in AC-GAN they do:
Odena, Olah & Shlens 2017).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import (
    Adversary,
    DiscriminatorTerm,
    GeneratorTerm,
    PenaltyTerm,
    RealClassTerm,
    SampleClassTerm,
    prior_terms,
    require_same_classes,
    trained,
)


class GmGan(Objective):
    """Generator against a discriminator that also tells classes, with latents of the classes of real images.

    A generator that is conditioned on labels is as good as a mixture that is tied to classes, or as both.

    Args:
        weight: of the class terms.
        augmentation: of what the discriminator sees, as in :class:`Gan`.

    Raises:
        UserError: the discriminator tells no classes, samples are of none, the two differ in their number, or the
            weight is not above 0.
    """

    name = "gm-gan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        weight: float = 1.0,
        augmentation: Sequence[str] = (),
    ) -> None:
        require_same_classes(prior, generator, discriminator)
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        adversary = Adversary(discriminator, loss, augmentation)
        self.terms = (
            DiscriminatorTerm(adversary),
            RealClassTerm(discriminator, weight),
            PenaltyTerm(adversary),
            GeneratorTerm(adversary),
            SampleClassTerm(discriminator, weight),
            *prior_terms(prior),
        )

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, **trained(self.prior)}
