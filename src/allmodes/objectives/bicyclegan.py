r"""BicycleGAN: codes are read from originals, and read again from answers (Zhu, Zhang, Pathak et al. 2017, section 3).

1. An encoder E reads a law of codes from each original, :math:`N(\mu, \sigma^2)`; of one of these, :math:`z_x`, the
   answer must be the original (cVAE-GAN). From an answer of a random code E must read that code (cLR-GAN).
2. The discriminator descends its adversarial loss on originals, and on answers of both kinds.
3. The generator descends its own on both, and both errors; E descends what :math:`z_x` costs, and how far its laws are
   from the prior. The error of random codes is the generator's alone, as in the authors' code.

.. math:: L_G = L_{adv}(G(z_x, y)) + L_{adv}(G(z, y)) + \lambda E |x - G(z_x, y)|_1 + \lambda_z E |z - \mu(G(z, y))|_1,
          \qquad L_E = \ldots + \lambda_{KL} E\, KL(N(\mu, \sigma^2) \,|\, N(0, I))

Differences are means over pixels and over the dimensions of a code; KL is a sum over the latter. Here both kinds of
answers have one discriminator (the authors' option ``use_same_D``), and every example is answered twice in a step,
where theirs halves the batch. The two heads of the encoder read :math:`\mu` and :math:`\log \sigma^2`.
"""

from __future__ import annotations

from functools import cached_property
from operator import attrgetter
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..networks.base import Discriminator, Encoder, Generator
from ..priors.gaussian import Gaussian
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import AbsoluteTerm, Adversary, DiscriminatorTerm, GeneratorTerm, Loss, PenaltyTerm, Step, Term
from .terms.base import frozen


class BicycleGan(Objective):
    """Generator and encoder against a discriminator.

    Args:
        encoder: E, with two heads of as many outputs as the latent has dimensions.
        weight: lambda, of the absolute difference of pixels.
        code: lambda_z, of that of random codes and those that are read.
        kl: lambda_KL.

    Raises:
        UserError: a weight is not above 0, or the encoder has not two heads.
    """

    name = "bicyclegan"
    encodes: ClassVar[Literal["component", "latent"]] = "latent"
    answers: ClassVar[int] = 2

    def __init__(
        self,
        generator: Generator,
        prior: Gaussian,
        *,
        discriminator: Discriminator,
        encoder: Encoder,
        loss: AdversarialLoss,
        weight: float = 10.0,
        code: float = 0.5,
        kl: float = 0.01,
    ) -> None:
        for option, value in {"weight": weight, "code": code, "kl": kl}.items():
            if not value > 0:
                raise UserError(f"'objective.{option}' is {value}, but must be above 0.")
        if len(encoder.information) != 2:
            raise UserError(
                f"'encoder.heads' is {len(encoder.information)}, but must be 2: the mean and the variance of a code."
            )
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.encoder = encoder
        adversary = Adversary(discriminator, loss)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            GeneratorTerm(adversary, self.answers),  # the mean over both kinds of answers, to their sum
            AbsoluteTerm(weight, attrgetter("again")),
            CodeTerm(encoder, code),
            LawTerm(kl),
        )

    def step(self, batch: Batch, moment: Moment) -> BicycleStep:
        step = BicycleStep(batch, moment, generator=self.generator, prior=self.prior, latents=self.latents)
        step.encoder = self.encoder
        return step

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "encoder": self.encoder}


class BicycleStep(Step):
    """A step in which every example is answered twice: by a code that is read from it, and by a random one.

    Attributes:
        encoder: E, which reads the former.
    """

    encoder: Encoder

    @cached_property
    def law(self) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the codes of the examples, ``(B, d)`` each."""
        mean, log_variance = self.encoder.readings(self.batch.images).float()
        return mean, log_variance

    @cached_property
    def read(self) -> Tensor:
        """A code of each law, ``(B, d)``."""
        moment, (mean, log_variance) = self.moment, self.law
        drawn = torch.randn(moment.batch_size, mean.shape[1], generator=moment.rng("codes"))
        noise = drawn[moment.workers.rank :: moment.workers.size].to(mean)
        return mean + (log_variance / 2).exp() * noise

    @cached_property
    def code(self) -> Tensor:
        """The same where the graph ends, so that the generator's turn leaves there the gradient by them."""
        return self.read.detach().requires_grad_()

    @cached_property
    def again(self) -> Tensor:
        """Answers by these codes, which should be the examples, ``(B, *shape)``."""
        return self.made(self.code)

    @property
    def real(self) -> Tensor:
        return torch.cat([self.batch.images] * 2)

    @property
    def fake(self) -> Tensor:
        return torch.cat([self.again, self.samples])


class CodeTerm(Term):
    """How far the code that is read from an answer is from that which it was made of.

    Args:
        encoder: E; gradients flow through it, none into it.
        weight: lambda_z.
    """

    name = "code"

    def __init__(self, encoder: Encoder, weight: float) -> None:
        self.encoder = encoder
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        with frozen(self.encoder):
            mean = self.encoder.readings(step.samples)[0].float()
        value = (mean - step.leaf).abs().mean()
        return Loss(self.weight * value, {"code": value.detach()})


class LawTerm(Term):
    """What the encoder descends: the generator's loss, by the codes that it has read, and their distance to the prior.

    Args:
        weight: lambda_KL.
    """

    name = "law"
    player = "encoder"

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        assert isinstance(step, BicycleStep)
        if step.code.grad is None:
            raise RuntimeError("the generator's turn comes first, with its backward pass")
        mean, log_variance = step.law
        kl = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        return Loss((step.read * step.code.grad).sum() + self.weight * kl, {"kl": kl.detach()})
