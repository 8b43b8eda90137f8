r"""IMLE-GAN: an adversarial loss that drops no example (Inclusive GAN, Yu et al. 2020, equations 3 to 5).

.. math:: L_G = L_{adv} + \lambda\, E_i |\phi(x_i) - \phi(G(z_{\sigma(i)}))|^2

The adversarial part makes samples sharp; the matched part lets every data example, not only those that the
discriminator happens to look at, pull the nearest sample to itself. Its gradient does not pass through the
discriminator's decision and so does not depend on its strength.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..distances.base import Distance
from ..matching import Matcher, Rounds
from ..networks.base import Discriminator, Generator
from ..priors.base import Prior
from .base import Loss, Objective, Update
from .gan import Gan
from .losses.base import AdversarialLoss


class ImleGan(Objective):
    """A GAN whose generator also descends the distance of every example to its nearest candidate.

    Args:
        weight: lambda.
        until: share of the training at which lambda, falling linearly, reaches 0; matching ends there.
            Above 1 it does not reach it.
        augmentation: of what the discriminator sees, as in :class:`Gan`; matching sees the images themselves.
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
        until: float = 1.0,
        augmentation: Sequence[str] = (),
    ) -> None:
        if weight <= 0 or until <= 0:
            raise UserError(f"'objective.weight' ({weight}) and 'objective.until' ({until}) must be above 0.")
        self.adversarial = Gan(generator, prior, discriminator=discriminator, loss=loss, augmentation=augmentation)
        self.generator = generator
        self.prior = prior
        self.rounds = Rounds(matching, distance, generator=generator, prior=prior)
        self.weight = weight
        self.until = until

    def players(self) -> dict[str, nn.Module]:
        return self.adversarial.players()

    def matched_weight(self, progress: float) -> float:
        """Lambda at this share of the training."""
        return self.weight * max(0.0, 1.0 - progress / self.until)

    def due(self, moment: Moment) -> bool:
        if self.matched_weight(moment.progress) == 0:
            return self.rounds.start >= 0
        return self.rounds.due(moment)

    def prepare(self, moment: Moment) -> dict[str, float]:
        if self.matched_weight(moment.progress) == 0:
            self.rounds.end()
            return {}
        return self.rounds.renew(moment)

    def updates(self, batch: Batch, moment: Moment) -> Iterator[Update]:
        discriminator, generator = self.adversarial.updates(batch, moment)
        yield discriminator
        yield Update("generator", lambda: self.generator_loss(generator, batch, moment))

    def generator_loss(self, adversarial: Update, batch: Batch, moment: Moment) -> Loss:
        """The adversarial loss plus lambda times the matched distance."""
        loss = adversarial.closure()
        weight = self.matched_weight(moment.progress)
        if weight == 0:
            return loss
        matched = self.rounds.distance_to(batch.images, self.rounds.matched(moment))
        return Loss(loss.value + weight * matched, {**loss.scalars, "matched": matched.detach()})

    def state_dict(self) -> dict[str, Tensor]:
        return self.rounds.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.rounds.load_state_dict(state)
