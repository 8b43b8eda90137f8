r"""StyleGAN2 (Karras, Laine, Aittala, Hellsten, Lehtinen & Aila 2020), with adaptive augmentation (ADA).

.. math:: L_D &= E_x\, s(-D(T_p x)) + E_z\, s(D(T_p G(z))) + \tfrac{\gamma}{2} E_x |\nabla_x D(T_p x)|^2 \\
          L_G &= E_z\, s(-D(T_p G(z))) + \gamma_{path}\, E_{w, y} \big( |J_w^\top y| - a \big)^2

with s the softplus. A share of the samples is drawn in the styles of two latents. The augmentation T is as strong as
keeps the mean sign of D on real images at its target. Both penalties are lazy: each has turns of its own, every k-th
of its player's, with k times the weight, and the player's rate and decays are corrected for these.

One set of samples serves the turns of both players, as in every GAN here; the authors draw one for each. All of a
batch is taken for path lengths, where the authors take half, and each of its samples in one style, where they mix.
"""

from __future__ import annotations

from torch import nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..networks.base import Discriminator
from ..networks.styled import Styled
from ..priors.base import Prior
from .base import Objective
from .losses.non_saturating import NonSaturating
from .terms import (
    AdaptiveTerm,
    Adversary,
    DiscriminatorTerm,
    GeneratorTerm,
    MixedStep,
    PathLengthTerm,
    RealPenaltyTerm,
    Step,
    prior_terms,
    trained,
)


class StyleGan2(Objective):
    """A GAN whose generator draws in styles, with R1 alone as the penalty: ``loss.gamma``, every ``loss.every`` steps.

    Args:
        mixing: share of the samples that are drawn in the styles of two latents.
        path: weight of the path lengths; 0 for none.
        path_every: turns of the generator between two of theirs.
        target: of the mean sign of D on real images, which the augmentation keeps; None for no augmentation.
        speed: images in which the augmentation can go from none to all.

    Raises:
        UserError: an option is out of range, or the loss has its penalty at samples, too.
    """

    name = "stylegan2"

    def __init__(
        self,
        generator: Styled,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: NonSaturating,
        mixing: float = 0.9,
        path: float = 2.0,
        path_every: int = 8,
        target: float | None = 0.6,
        speed: int = 500_000,
    ) -> None:
        if not 0 <= mixing <= 1 or path < 0 or path_every < 1:
            raise UserError(
                f"'objective.mixing' ({mixing}) must be from 0 to 1, 'objective.path' ({path}) at least 0 and "
                f"'objective.path_every' ({path_every}) at least 1."
            )
        if loss.gamma and loss.where != "real":
            raise UserError("The penalty of StyleGAN2 is R1 alone, at real images: set --loss.where real.")
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.mixing = mixing
        adversary = Adversary(discriminator, loss)
        self.terms = (
            DiscriminatorTerm(adversary),
            *(() if target is None else (AdaptiveTerm(adversary, target=target, speed=speed),)),
            *((RealPenaltyTerm(adversary),) if loss.gamma else ()),
            GeneratorTerm(adversary),
            *((PathLengthTerm(generator, prior, weight=path, every=path_every),) if path else ()),
            *prior_terms(prior),
        )

    def step(self, batch: Batch, moment: Moment) -> Step:
        step = MixedStep(batch, moment, generator=self.generator, prior=self.prior, latents=self.latents)
        step.mixing = self.mixing
        return step

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, **trained(self.prior)}
