r"""Adaptive discriminator augmentation: as much of it as keeps the discriminator from learning the data by heart.

.. math:: r_t = E_x\, \mathrm{sign}\, D(T_p(x)), \qquad p \leftarrow p + \mathrm{sign}(r_t - t)\, \Delta

over the real images that it was trained on. It is 0 where the discriminator cannot tell them from samples, and near 1
where it is sure of every one of them. Every 4 steps p moves by the images of these over the ``speed``, up where r is
above its target t, down where it is below (Karras, Aittala, Hellsten, Laine, Lehtinen & Aila 2020, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ...core.errors import UserError
from ...data.augmentation_adaptive import adaptive_policy
from .adversarial import Adversary, judged
from .base import Loss, Step, Term

EVERY = 4  # steps between two moves of p


class AdaptiveTerm(Term):
    """Adds nothing to the discriminator's loss; sets what its adversary shows it images through.

    Args:
        adversary: whose augmentation it sets.
        target: t, of the mean sign.
        speed: images in which p can go from 0 to 1.

    Raises:
        UserError: the target is not from -1 to 1, the speed not positive, or the discriminator judges images with their
            inputs, which the augmentation would leave behind.
    """

    name = "augmentation"
    player = "discriminator"

    def __init__(self, adversary: Adversary, *, target: float, speed: int) -> None:
        if speed < 1 or not -1 <= target <= 1:
            raise UserError(
                f"'objective.target' ({target}) must be from -1 to 1, or null for no augmentation, and "
                f"'objective.speed' ({speed}) at least 1."
            )
        if adversary.discriminator.conditioned is not None:
            raise UserError(
                "The adaptive augmentation moves images and not the inputs that "
                f"'{adversary.discriminator.name}' judges them with: set --objective.target null."
            )
        self.adversary = adversary
        self.target = target
        self.speed = speed
        self.strength = torch.zeros((), dtype=torch.float64)
        self.signs = torch.zeros((), dtype=torch.float64)

    def loss(self, step: Step) -> Loss:
        scores = judged(step).judgement.scores.detach()
        moment = step.moment
        real = scores[: len(step.batch.images)]
        self.signs = self.signs + moment.workers.gather(real.sign().mean()).mean().cpu().double() / EVERY
        scalars = {"sign": real.sign().mean(), "augmentation": self.strength.float()}
        if (moment.step + 1) % EVERY == 0:
            self.move(EVERY * moment.batch_size)
        return Loss(torch.zeros((), device=scores.device), scalars)

    def move(self, images: int) -> None:
        """Move p by the mean sign since the last move, over so many images."""
        change = torch.sign(self.signs - self.target) * images / self.speed
        self.strength = (self.strength + change).clamp(0, 1)
        self.signs = torch.zeros_like(self.signs)
        self.show()

    def show(self) -> None:
        """Show images through the augmentation as strong as it is now; through none at 0."""
        p = float(self.strength)
        self.adversary.policies = (adaptive_policy(p),) if p > 0 else ()

    def state_dict(self) -> dict[str, Tensor]:
        return {"strength": self.strength, "signs": self.signs}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.strength, self.signs = state["strength"].cpu(), state["signs"].cpu()
        self.show()
