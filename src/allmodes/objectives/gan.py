r"""The generative adversarial network (Goodfellow et al. 2014, algorithm 1, one discriminator step per step).

1. Draw latents z and real images x.
2. The discriminator descends its adversarial loss on D(x) and D(G(z)), plus gradient penalties.
3. The generator descends its adversarial loss on D(G(z)).

Both turns share the samples and the real scores of step 2, which saves a third of the work: the generator has
not moved in between, and the real scores enter its loss only as the reference of the pairing loss.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..core.moment import Moment
from ..core.records import Batch
from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Loss, Objective, Update, frozen
from .losses.base import AdversarialLoss


class Gan(Objective):
    """Generator against discriminator, under any adversarial loss."""

    name = "gan"

    def __init__(
        self, generator: Generator, prior: Prior, *, discriminator: Discriminator, loss: AdversarialLoss
    ) -> None:
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.loss = loss
        self._real_scores = torch.empty(0)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        z = self.draw(moment)
        fake = self.generator(z)
        yield Update("discriminator", lambda: self.discriminator_loss(batch.images, fake.detach(), moment))
        yield Update("generator", lambda: self.generator_loss(fake))

    def draw(self, moment: Moment) -> Tensor:
        """This process's share of the step's latents, ``(B, d)``."""
        drawn = self.prior.sample(moment.batch_size, moment.rng("latents"))
        return drawn.share(moment.workers.rank, moment.workers.size).z.to(moment.device)

    def discriminator_loss(self, real: Tensor, fake: Tensor, moment: Moment) -> Loss:
        """Step 2: real images and samples, ``(B, *shape)`` each, in one pass."""
        penalised = self.loss.penalised(moment.step)
        images = torch.cat([real, fake]).requires_grad_(penalised)
        scores = self.discriminator(images).float()
        real_scores, fake_scores = scores.chunk(2)
        value = self.loss.discriminator(real_scores, fake_scores)
        scalars = {"loss": value.detach()}
        if penalised:
            penalty = self.loss.penalty(scores, images)
            value, scalars["penalty"] = value + penalty, penalty.detach()
        self._real_scores = real_scores.detach()
        return Loss(value, scalars)

    def generator_loss(self, fake: Tensor) -> Loss:
        """Step 3: samples ``(B, *shape)``."""
        with frozen(self.discriminator):
            scores = self.discriminator(fake).float()
        value = self.loss.generator(self._real_scores, scores)
        return Loss(value, {"loss": value.detach()})
