r"""FastGAN: a GAN for few images whose discriminator reconstructs what it sees (Liu, Zhu, Song & Elgammal 2021).

.. math:: L_D = L_{adv} + \lambda\, E_x \big( |D'(f_2(x)) - x_{half}| + |D''(f_1(x)_c) - x_c| \big)

f are the discriminator's feature maps of real images, D' and D'' small decoders, c a quarter of the image, drawn for
every step (section 3.2, equations 3 and 4). The generator's loss stays adversarial. The adversarial loss of the paper
is the hinge loss. What differs: the paper compares reconstructions by LPIPS, which takes a network that was trained
on other images; here it is the mean absolute difference of pixels, so that everything is learned from the data alone.
As there, images are reconstructed as the discriminator sees them, augmented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..networks.base import Discriminator, Generator, Reconstructing
from ..priors.base import Prior
from .base import Loss, Objective, Update
from .gan import Gan
from .losses.base import AdversarialLoss


class FastGan(Objective):
    """A GAN whose discriminator also descends the error of its reconstructions of real images.

    Args:
        reconstruction: lambda.
        augmentation: of what the discriminator sees, as in :class:`Gan`.

    Raises:
        UserError: the discriminator does not reconstruct.
    """

    name = "fastgan"

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        reconstruction: float = 1.0,
        augmentation: Sequence[str] = (),
    ) -> None:
        if not isinstance(discriminator, Reconstructing):
            raise UserError(
                f"The objective 'fastgan' needs a discriminator that reconstructs what it sees, which "
                f"'{discriminator.name}' does not: set --discriminator fastgan."
            )
        self.adversarial = Gan(generator, prior, discriminator=discriminator, loss=loss, augmentation=augmentation)
        self.generator = generator
        self.prior = prior
        self.discriminator = discriminator
        self.reconstruction = reconstruction

    def players(self) -> dict[str, nn.Module]:
        return self.adversarial.players()

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        fake = self.generator(self.adversarial.draw(moment))
        yield Update("discriminator", lambda: self.discriminator_loss(batch.images, fake.detach(), moment))
        yield Update("generator", lambda: self.adversarial.generator_loss(fake, moment))

    def discriminator_loss(self, real: Tensor, fake: Tensor, moment: Moment) -> Loss:
        """The adversarial loss plus lambda times the error of both reconstructions, in one pass."""
        images = self.adversarial.leaf(real, fake, moment)
        seen = self.adversarial.augmented(images, moment, "discriminator")
        corner = int(torch.randint(4, (), generator=moment.rng("corner")))
        scores, drawn = self.discriminator.judge(seen, len(real), corner)
        loss = self.adversarial.judged(scores.float(), images, moment)
        wanted = self.discriminator.views(seen[: len(real)].detach(), corner)
        error = apart(drawn.whole, wanted.whole) + apart(drawn.part, wanted.part)
        return Loss(loss.value + self.reconstruction * error, {**loss.scalars, "reconstruction": error.detach()})


def apart(a: Tensor, b: Tensor) -> Tensor:
    """The mean absolute difference of images, a scalar."""
    return (a.float() - b.float()).abs().mean()
