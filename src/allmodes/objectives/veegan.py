r"""VEEGAN: a reconstructor maps images back to latents (Srivastava, Valkov, Russell, Gutmann & Sutton 2017, section 3).

1. The discriminator learns to tell pairs (x, F(x)) of real images from pairs (G(z), z) of samples.
2. The generator descends its adversarial loss on its pairs, and how badly F finds its latents again.
3. The reconstructor F descends the latter (algorithm 1).

.. math:: L_G = L_{adv} + \lambda\, E_z |z - F(G(z))|^2, \qquad L_F = E_z |z - F(G(z))|^2

F maps the latents of samples to z. If it maps those of some real images elsewhere, the discriminator sees that from z
alone, and the generator is told where it must put samples for them: also where none of its own are near. The loss of
the paper is ``reverse-kl``. The discriminator of pairs is made of the recipe's, see :mod:`allmodes.networks.joint`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..core.seeding import derive_seed
from ..networks.base import Discriminator, Encoder, Generator
from ..networks.joint import Joint, paired
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import Adversary, DiscriminatorTerm, GeneratorTerm, Loss, PenaltyTerm, Step, Term, prior_terms, trained
from .terms.base import frozen


class Veegan(Objective):
    """Generator and reconstructor against a discriminator of images with their latents.

    Args:
        encoder: F, with as many outputs as the latent has dimensions.
        reconstruction: lambda.
        width: hidden units of the discriminator where image and latent meet.
        seed: of the run; it draws the weights there.

    Raises:
        UserError: lambda is not above 0, the encoder has several heads, or the discriminator judges images with their
            inputs.
    """

    name = "veegan"
    encodes: ClassVar[Literal["component", "latent"]] = "latent"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        encoder: Encoder,
        loss: AdversarialLoss,
        shape: tuple[int, ...],
        seed: int,
        reconstruction: float = 1.0,
        width: int = 128,
    ) -> None:
        discriminator.require_alone(f"the objective '{self.name}'")
        if not reconstruction > 0:
            raise UserError(f"'objective.reconstruction' is {reconstruction}, but must be above 0.")
        if len(encoder.information) != 1:
            raise UserError(f"'encoder.heads' is {len(encoder.information)}, but must be 1: a latent is read once.")
        self.generator = generator
        self.prior = prior
        self.reconstructor = encoder
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed(seed, "init", "joint"))
            self.discriminator = Joint(discriminator, shape, prior.dim, width=width)
        adversary = Adversary(self.discriminator, loss)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            GeneratorTerm(adversary),
            FoundTerm(encoder, reconstruction),
            ReconstructorTerm(encoder),
            *prior_terms(prior),
        )

    def step(self, batch: Batch, moment: Moment) -> PairedStep:
        step = PairedStep(batch, moment, generator=self.generator, prior=self.prior, latents=self.latents)
        step.reconstructor = self.reconstructor
        return step

    def players(self) -> dict[str, nn.Module]:
        mine = {"generator": self.generator, "discriminator": self.discriminator, "reconstructor": self.reconstructor}
        return {**mine, **trained(self.prior)}


class PairedStep(Step):
    """A step in which the discriminator is shown images with their latents.

    Attributes:
        reconstructor: F, which reads those of real images.
    """

    reconstructor: Encoder

    @property
    def real(self) -> Tensor:
        with torch.no_grad():
            return paired(self.batch.images, self.reconstructor(self.batch.images).float())

    @property
    def fake(self) -> Tensor:
        return paired(self.samples, self.leaf)


class FoundTerm(Term):
    """Step 2: how far the generator's samples are read from their latents; gradients flow through F, none into it.

    Args:
        reconstructor: F.
        weight: lambda.
    """

    name = "found"

    def __init__(self, reconstructor: Encoder, weight: float) -> None:
        self.reconstructor = reconstructor
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        with frozen(self.reconstructor):
            squares = missed(self.reconstructor(step.samples), step.leaf)
        step.charge(lambda: self.weight * squares.detach())
        return Loss(self.weight * squares.mean(), {"reconstruction": squares.mean().detach()})


class ReconstructorTerm(Term):
    """Step 3: the same, which F descends.

    Args:
        reconstructor: F.
    """

    name = "reconstructor"
    player = "reconstructor"

    def __init__(self, reconstructor: Encoder) -> None:
        self.reconstructor = reconstructor

    def loss(self, step: Step) -> Loss:
        value = missed(self.reconstructor(step.samples.detach()), step.leaf.detach()).mean()
        return Loss(value, {"loss": value.detach()})


def missed(read: Tensor, z: Tensor) -> Tensor:
    """Squared distances of latents ``(n, d)`` to those that were read, ``(n,)``, in float32."""
    return (read.float() - z).square().sum(1)
