r"""The Unrolled GAN (Metz, Poole, Pfau & Sohl-Dickstein 2017, equations 7 to 10).

A generator that moves all samples to where the discriminator scores them highest is answered at once, and moves them
all elsewhere. So it is trained against what the discriminator will have become:

1. The discriminator descends its loss, as in any GAN.
2. From its weights :math:`\theta^0`, take K further steps of descent,
   :math:`\theta^{k+1} = \theta^k - \eta\, \nabla_\theta L_D(\theta^k)`, on the same images and samples.
3. The generator descends :math:`L_G(\theta^K)`, and its gradient runs through these steps, too: it knows how the
   discriminator will answer. The discriminator itself keeps :math:`\theta^0`.

With K = 0 this is the GAN. Steps are plain gradient descent, as in equation 7; the paper's experiments unroll Adam.
Processes that share a batch all take them on the whole of it, and each learns for its own samples.
Gradient penalties belong to step 1 alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from ..core.errors import UserError
from ..core.workers import Workers
from ..networks.base import Discriminator, Generator, Judgement
from ..priors.base import Prior
from .base import Objective
from .losses.base import AdversarialLoss
from .terms import Adversary, DiscriminatorTerm, Loss, PenaltyTerm, Step, Term, prior_terms, trained


class UnrolledGan(Objective):
    """Generator against the discriminator as it will be K steps later.

    Args:
        unroll: K, steps that the discriminator is ahead in the generator's turn.
        rate: eta, of these steps.

    Raises:
        UserError: ``unroll`` is negative, ``rate`` not positive, or the discriminator looks at whole batches or at
            images with their inputs.
    """

    name = "unrolled-gan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        unroll: int = 10,
        rate: float = 0.003,
    ) -> None:
        if unroll < 0 or rate <= 0:
            raise UserError(f"'objective.unroll' ({unroll}) must be at least 0, and 'objective.rate' ({rate}) above 0.")
        discriminator.require_alone(f"the objective '{self.name}'")
        if discriminator.together:
            raise UserError(
                f"The discriminator '{discriminator.name}' looks at whole batches, and unrolled it sees real "
                "images and samples in one: take another, or set --discriminator.group 1."
            )
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.unroll = unroll
        adversary = Adversary(discriminator, loss)
        self.terms = (
            DiscriminatorTerm(adversary),
            PenaltyTerm(adversary),
            UnrolledTerm(adversary, unroll, rate),
            *prior_terms(prior),
        )

    def players(self) -> dict[str, torch.nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, **trained(self.prior)}


class UnrolledTerm(Term):
    """Steps 2 and 3: the generator's adversarial loss against the discriminator as it will be.

    Args:
        adversary: the discriminator as it is, and the loss.
        unroll: K.
        rate: eta.
    """

    name = "unrolled"

    def __init__(self, adversary: Adversary, unroll: int, rate: float) -> None:
        self.adversary = adversary
        self.discriminator = adversary.discriminator
        self.adversarial = adversary.loss
        self.unroll = unroll
        self.rate = rate

    def loss(self, step: Step) -> Loss:
        workers = step.moment.workers
        real, fake = _all(step.real, workers), _all(step.fake, workers)
        self.adversary.clip()
        weights = {name: value.detach().requires_grad_() for name, value in self.discriminator.named_parameters()}
        for _ in range(self.unroll):
            loss = self.adversarial.discriminator(*self._scores(weights, real, fake))
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {
                name: self._clipped(weights[name] - self.rate * slope)
                for name, slope in zip(weights, slopes, strict=True)
            }
        scores = self._scores(weights, real, fake)
        step.charge(lambda: self.adversarial.each(*scores).chunk(workers.size)[workers.rank])
        value = self.adversarial.generator(*scores)
        scored, said = (each.detach().chunk(workers.size)[workers.rank] for each in scores)
        scalars = {"loss": value.detach(), **self.adversarial.control(scored, said, workers)}
        return Loss(value * workers.size, scalars)  # gradients are averaged over the processes

    def _clipped(self, weights: Tensor) -> Tensor:
        """Within the loss's bound, if it has one."""
        clip = self.adversarial.clip
        return weights if clip is None else weights.clamp(-clip, clip)

    def _scores(self, weights: Mapping[str, Tensor], real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Of real images and samples ``(B, *shape)`` by a discriminator of these weights."""
        judgement: Judgement = functional_call(self.discriminator, dict(weights), (torch.cat([real, fake]),))
        first, second = judgement.scores.float().chunk(2)
        return first, second


def _all(mine: Tensor, workers: Workers) -> Tensor:
    """The shares of all processes, ``(B, ...) -> (size * B, ...)``; gradients flow into one's own."""
    shares = list(workers.gather(mine.detach()))
    shares[workers.rank] = mine
    return torch.cat(shares)
