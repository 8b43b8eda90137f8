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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Batch
from ..distances.base import Distance
from ..matching import Matcher, Rounds
from ..matching.coming import Matched
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
            Above 1 it does not reach it; with None it stays as it is.
        interpolation: kappa, the weight of samples between two matches beside that of the matches; 0 for none.
        perturbation: share of the way from a match to fresh noise at which it is trained.
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
        until: float | None = 1.0,
        interpolation: float = 0.0,
        perturbation: float = 0.0,
        augmentation: Sequence[str] = (),
    ) -> None:
        if weight <= 0 or (until is not None and until <= 0):
            raise UserError(f"'objective.weight' ({weight}) and 'objective.until' ({until}) must be above 0.")
        if interpolation < 0 or not 0 <= perturbation <= 1:
            raise UserError(
                f"'objective.interpolation' ({interpolation}) must be at least 0, and 'objective.perturbation' "
                f"({perturbation}) from 0 to 1."
            )
        self.adversarial = Gan(generator, prior, discriminator=discriminator, loss=loss, augmentation=augmentation)
        self.generator = generator
        self.prior = prior
        self.rounds = Rounds(matching, distance, generator=generator, prior=prior)
        self.weight = weight
        self.until = until
        self.interpolation = interpolation
        self.perturbation = perturbation

    def players(self) -> dict[str, nn.Module]:
        return self.adversarial.players()

    def matched_weight(self, progress: float) -> float:
        """Lambda at this share of the training."""
        return self.weight if self.until is None else self.weight * max(0.0, 1.0 - progress / self.until)

    def scheduled(self, progress: float) -> str | None:
        falls = self.matched_weight(progress) != self.matched_weight(0.0)
        return "the weight of the matched distance (objective.until)" if falls else None

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
        found = self.matched(moment)
        matched = self.rounds.distance_to(batch.images, found)
        value, scalars = loss.value + weight * matched, {**loss.scalars, "matched": matched.detach()}
        if self.interpolation > 0:
            between = self.interpolated(batch.images, found, moment)
            value, scalars["interpolated"] = value + weight * self.interpolation * between, between.detach()
        return Loss(value, scalars)

    def matched(self, moment: Moment, after: int = 0) -> Matched:
        """See :meth:`Rounds.matched`; perturbed."""
        found = self.rounds.matched(moment, after)
        if self.perturbation == 0:
            return found
        drawn = self.prior.sample(moment.batch_size, moment.rng("perturbation")).z.roll(-after, 0)
        noise = drawn[moment.workers.rank :: moment.workers.size].to(moment.device)
        return replace(found, latents=self.prior.between(found.latents, noise, self.perturbation))

    def interpolated(self, images: Tensor, found: Matched, moment: Moment) -> Tensor:
        """How far samples between the matches of an example and of the next in the batch are from both, a scalar.

        Args:
            images: this process's share of the examples, ``(B, *shape)``.
            found: their matches.
            moment: where the training stands.
        """
        rank, size = moment.workers.rank, moment.workers.size
        other, others = self.matched(moment, 1), moment.upcoming(0).images.roll(-1, 0)[rank::size].to(moment.device)
        drawn = torch.rand(moment.batch_size, 1, generator=moment.rng("interpolation"))
        share = drawn[rank::size].to(moment.device)
        samples = self.generator(self.prior.between(found.latents, other.latents, share))
        ends = self.rounds.squares(samples, images, found), self.rounds.squares(samples, others, other)
        return torch.lerp(*ends, share[:, 0]).mean()

    def assigned(self) -> Tensor | None:
        return self.rounds.assigned()

    def state_dict(self) -> dict[str, Tensor]:
        return self.rounds.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.rounds.load_state_dict(state)
