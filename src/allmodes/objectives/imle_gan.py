r"""IMLE-GAN: an adversarial loss that drops no example (Inclusive GAN: Yu, Li, Zhou, Malik, Davis & Fritz 2020).

.. math:: L_G = L_{adv} + \lambda \big( E_i\, d(x_i, z_i) + \kappa\, E_{i, t} [ (1 - t)\, d(x_i, z_{ij}^t)
    + t\, d(x_j, z_{ij}^t) ] \big), \qquad d(x, z) = |\phi(x) - \phi(G(z))|^2

The adversarial part makes samples sharp; the matched part lets every data example, not only those that the
discriminator happens to look at, pull the nearest sample to itself. Its gradient does not pass through the
discriminator's decision and so does not depend on its strength.

The matched latent :math:`z_i` may be moved a share of the way towards fresh noise (``perturbation``). The last term,
of ``interpolation`` :math:`\kappa`, asks of the sample at a uniform share t of the way from :math:`z_i` to the
match of another example, :math:`z_{ij}^t`, to be like both. As it stands in the authors' code (``training/loss.py``
and ``training_loop.py``), lambda is constant (here ``until: null``) and 2.5, kappa 0.4 and the perturbation 0.1.

Here, by default, lambda falls to 0 and the other two terms are left out. Whatever is chosen, these are: LPIPS as
the distance (it is any of :mod:`allmodes.distances`), the path lengths of StyleGAN2, rounds of matching that last twice
as long each time, and minority inclusion, the matching of chosen examples alone. R1 comes with R2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch, Latents
from ..distances.base import Distance
from ..matching import Matcher, Rounds
from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import (
    Adversary,
    DiscriminatorTerm,
    GeneratorTerm,
    InterpolatedTerm,
    MatchedTerm,
    PenaltyTerm,
    prior_terms,
    trained,
)


class ImleGan(Objective):
    """A GAN whose generator also descends the distance of every example to its nearest candidate.

    Args:
        weight: lambda.
        until: share of the training at which lambda, falling linearly, reaches 0; matching ends there.
            Above 1 it does not reach it; with None it stays as it is.
        interpolation: kappa, the weight of samples between two matches beside that of the matches; 0 for none.
        perturbation: share of the way from a match to fresh noise at which it is trained.
        augmentation: of what the discriminator sees, as in :class:`Gan`; matching sees the images themselves.
        judged: which samples the discriminator judges while lambda is above 0: those of ``fresh`` latents, or those
            that are ``matched``, which takes one pass through the generator instead of two.
    """

    name = "imle-gan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        distance: Distance,
        matching: Matcher,
        weight: float = 1.0,
        until: float | None = 1.0,
        interpolation: float = 0.0,
        perturbation: float = 0.0,
        augmentation: Sequence[str] = (),
        judged: Literal["fresh", "matched"] = "fresh",
    ) -> None:
        check(generator, weight, until, interpolation, perturbation)
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.weight = weight
        self.until = until
        adversary = Adversary(discriminator, loss, augmentation)
        rounds = Rounds(matching, distance, generator=generator, prior=prior, condition=generator.condition)
        shared = judged == "matched"
        matched = MatchedTerm(rounds, weight=self.matched_weight, perturbation=perturbation, shared=shared)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            GeneratorTerm(adversary),
            matched,
            InterpolatedTerm(matched, interpolation),
            *prior_terms(prior, self.fresh),
        )
        self.rounds = rounds
        self.matched = matched

    def latents(self, batch: Batch, moment: Moment) -> Latents:
        return super().latents(batch, moment) if self.fresh(moment) else Latents(self.matched.found(moment).latents)

    def fresh(self, moment: Moment) -> bool:
        """Whether the discriminator judges samples of fresh latents at this step, not those that are matched."""
        return not (self.matched.shared and self.matched.on(moment))

    def players(self) -> dict[str, nn.Module]:
        matched_to_the_end = self.matched.shared and self.matched_weight(1.0) > 0  # then no latent is the prior's
        prior = {} if matched_to_the_end else trained(self.prior)
        return {"generator": self.generator, "discriminator": self.discriminator, **prior}

    def matched_weight(self, progress: float) -> float:
        """Lambda at this share of the training."""
        return self.weight if self.until is None else self.weight * max(0.0, 1.0 - progress / self.until)

    def scheduled(self, progress: float) -> str | None:
        falls = self.matched_weight(progress) != self.matched_weight(0.0)
        return "the weight of the matched distance (objective.until)" if falls else None


def check(generator: Generator, weight: float, until: float | None, interpolation: float, perturbation: float) -> None:
    """Raise a UserError for options of :class:`ImleGan` that are out of range, or not of this generator."""
    if interpolation > 0 and generator.conditioned is not None:
        raise UserError(
            "'objective.interpolation' asks for samples between two examples, and the generator "
            f"'{generator.name}' makes samples of one, under its {generator.conditioned}: set it to 0."
        )
    if weight <= 0 or (until is not None and until <= 0):
        raise UserError(f"'objective.weight' ({weight}) and 'objective.until' ({until}) must be above 0.")
    if interpolation < 0 or not 0 <= perturbation <= 1:
        raise UserError(
            f"'objective.interpolation' ({interpolation}) must be at least 0, and 'objective.perturbation' "
            f"({perturbation}) from 0 to 1."
        )
