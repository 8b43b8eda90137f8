r"""The generative adversarial network (Goodfellow et al. 2014, algorithm 1, one discriminator step per step).

1. Draw latents z and real images x.
2. The discriminator descends its adversarial loss on D(x) and D(G(z)), plus gradient penalties.
3. The generator descends its adversarial loss on D(G(z)).

Both turns share the samples and the real scores of step 2, which saves a third of the work: the generator has
not moved in between, and the real scores enter its loss only as the reference of the pairing loss.

With few images the discriminator may see all of them, real ones and samples, in both turns, through random
differentiable augmentation (Zhao et al. 2020). Gradient penalties are then taken by the images before augmentation, as
StyleGAN2-ADA does (Karras et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..core.moment import Moment
from ..core.records import Batch
from ..data.augmentation import augment, find_policies, uniforms
from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Loss, Objective, Update, frozen
from .losses.base import AdversarialLoss


class Gan(Objective):
    """Generator against discriminator, under any adversarial loss.

    Args:
        augmentation: what images undergo before the discriminator sees them, in this order: any of ``colour``,
            ``translation`` and ``cutout``.

    Raises:
        UserError: there is no such augmentation.
    """

    name = "gan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        augmentation: Sequence[str] = (),
    ) -> None:
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.loss = loss
        self.policies = find_policies(augmentation)
        self._real_scores = torch.empty(0)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        z = self.draw(moment)
        fake = self.generator(z)
        yield Update("discriminator", lambda: self.discriminator_loss(batch.images, fake.detach(), moment))
        yield Update("generator", lambda: self.generator_loss(fake, moment))

    def draw(self, moment: Moment) -> Tensor:
        """This process's share of the step's latents, ``(B, d)``."""
        drawn = self.prior.sample(moment.batch_size, moment.rng("latents"))
        return drawn.share(moment.workers.rank, moment.workers.size).z.to(moment.device)

    def discriminator_loss(self, real: Tensor, fake: Tensor, moment: Moment) -> Loss:
        """Step 2: real images and samples, ``(B, *shape)`` each, in one pass."""
        images = self.leaf(real, fake, moment)
        scores = self.discriminator(self.augmented(images, moment, "discriminator")).float()
        return self.judged(scores, images, moment)

    def leaf(self, real: Tensor, fake: Tensor, moment: Moment) -> Tensor:
        """Real images and samples stacked, ``(2B, *shape)``; penalties are taken by these."""
        return torch.cat([real, fake]).requires_grad_(self.loss.penalised(moment.step))

    def judged(self, scores: Tensor, images: Tensor, moment: Moment) -> Loss:
        """The discriminator's loss from the scores ``(2B,)`` of stacked images, penalties included."""
        real_scores, fake_scores = scores.chunk(2)
        value = self.loss.discriminator(real_scores, fake_scores)
        scalars = {"loss": value.detach()}
        if self.loss.penalised(moment.step):
            penalty = self.loss.penalty(scores, images)
            value, scalars["penalty"] = value + penalty, penalty.detach()
        self._real_scores = real_scores.detach()
        return Loss(value, scalars)

    def generator_loss(self, fake: Tensor, moment: Moment) -> Loss:
        """Step 3: samples ``(B, *shape)``."""
        with frozen(self.discriminator):
            scores = self.discriminator(self.augmented(fake, moment, "generator")).float()
        value = self.loss.generator(self._real_scores, scores)
        return Loss(value, {"loss": value.detach()})

    def augmented(self, images: Tensor, moment: Moment, turn: str) -> Tensor:
        """This process's shares of one or more whole batches, stacked, each image by its own draws of this turn."""
        if not self.policies:
            return images
        size, workers = moment.batch_size, moment.workers
        batches = len(images) * workers.size // size
        draws = uniforms(batches * size, self.policies, moment.rng("augmentation", turn)).view(batches, size, -1)
        return augment(images, draws[:, workers.rank :: workers.size].flatten(0, 1).to(images.device), self.policies)
