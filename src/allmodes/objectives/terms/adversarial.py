r"""The adversarial terms: what a discriminator descends, with its penalties, and what a generator descends against it.

Both turns share the samples and the real scores of the discriminator's, which saves a third of the work: the generator
has not moved in between, and the real scores enter its loss only as the reference of the pairing loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.moment import Moment
from ...data.augmentation import Policy, augment, find_policies, uniforms
from ...networks.base import Discriminator, Judgement
from ..losses.base import AdversarialLoss, squared_gradient
from .base import Loss, Seen, Step, Term, frozen


class Adversary:
    """A discriminator, the loss of both players, and what the discriminator sees images through.

    Args:
        discriminator: judges images.
        loss: of both players, from scores.
        augmentation: what images undergo before the discriminator sees them, in this order: any of ``colour``,
            ``translation`` and ``cutout`` (Zhao et al. 2020).

    Raises:
        UserError: there is no such augmentation, it would move images and leave the inputs that they are judged with,
            or the loss is not for this discriminator.
    """

    def __init__(self, discriminator: Discriminator, loss: AdversarialLoss, augmentation: Sequence[str] = ()) -> None:
        loss.require(discriminator)
        self.discriminator = discriminator
        self.loss = loss
        self.policies = find_policies(augmentation)
        if discriminator.conditioned is not None and "translation" in augmentation:
            raise UserError(
                f"'objective.augmentation': 'translation' moves images and not the inputs that '{discriminator.name}' "
                "judges them with: take colour or cutout alone."
            )
        self.weights = [weights for weights in discriminator.parameters() if weights.requires_grad]

    def clip(self) -> None:
        """Bring the discriminator's weights within the loss's bound, if it has one."""
        if self.loss.clip is not None:
            for weights in self.weights:  # as data: a turn that judges twice finds them clipped, and its graph whole
                weights.data.clamp_(-self.loss.clip, self.loss.clip)

    def judge(self, images: Tensor, step: Step, turn: str, *, kinds: int = 1) -> Seen:
        """Images ``(n, *shape)`` as it sees them in this turn, and what it says of them.

        Of several kinds, stacked and as many of each, one that looks at whole batches sees one after the other. One
        that is conditioned sees each with the input of the example in its place: images are those of the step's
        examples, in their order, once or several times.
        """
        self.clip()
        shown = self.augmented(images, step.moment, turn)
        condition = self.discriminator.condition(step.batch)
        if condition is not None:
            condition = torch.cat([condition] * (len(images) // len(condition)))
        parts = kinds if self.discriminator.together else 1
        conditions = [None] * parts if condition is None else condition.chunk(parts)
        said = [self.discriminator(*part) for part in zip(shown.chunk(parts), conditions, strict=True)]
        return Seen(images, shown, Judgement.joined(said).float())

    def augmented(self, images: Tensor, moment: Moment, turn: str) -> Tensor:
        """Images as it sees them in this turn, see :func:`seen_through`."""
        return seen_through(images, moment, self.policies, "augmentation", turn)


def seen_through(images: Tensor, moment: Moment, policies: Sequence[Policy], *names: str) -> Tensor:
    """This process's shares of one or more whole batches, stacked, each image by its own draws of the named stream."""
    if not policies:
        return images
    size, workers = moment.batch_size, moment.workers
    batches = len(images) * workers.size // size
    draws = uniforms(batches * size, policies, moment.rng(*names)).view(batches, size, -1)
    return augment(images, draws[:, workers.rank :: workers.size].flatten(0, 1).to(images.device), policies)


class DiscriminatorTerm(Term):
    """The discriminator's adversarial loss on real images and samples, in one pass."""

    name = "discriminator"
    player = "discriminator"

    def __init__(self, adversary: Adversary) -> None:
        self.adversary = adversary

    def loss(self, step: Step) -> Loss:
        loss = self.adversary.loss
        penalised = loss.penalised(step.moment.step) and not loss.elsewhere
        images = torch.cat([step.real, step.fake.detach()]).requires_grad_(penalised)
        step.seen = self.adversary.judge(images, step, self.player, kinds=2)
        value = loss.discriminator(*step.seen.judgement.scores.chunk(2))
        return Loss(value, {"loss": value.detach()})

    def state_dict(self) -> dict[str, Tensor]:
        return self.adversary.loss.state_dict()

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.adversary.loss.load_state_dict(state)


class PenaltyTerm(Term):
    """The loss's gradient penalty, by images before augmentation, as StyleGAN2-ADA takes it (Karras et al. 2020)."""

    name = "penalty"
    player = "discriminator"

    def __init__(self, adversary: Adversary) -> None:
        self.adversary = adversary

    def on(self, moment: Moment) -> bool:
        return self.adversary.loss.penalised(moment.step)

    def loss(self, step: Step) -> Loss:
        loss = self.adversary.loss
        if loss.elsewhere:
            points = loss.points(step.real.float(), step.fake.detach().float(), step.moment).requires_grad_()
            seen = self.adversary.judge(points, step, "between")
        else:
            seen = judged(step)
        value = loss.penalty(seen.judgement.scores, seen.images)
        return Loss(value, {"penalty": value.detach()})


class RealPenaltyTerm(Term):
    r"""R1 alone, lazily: the squared gradient of the scores of real images, in turns of its own (Karras et al. 2020).

    .. math:: \frac{k \gamma}{2} E_x |\nabla D(x)|^2

    Args:
        adversary: whose discriminator descends it, and whose loss says gamma and k, ``every``.
    """

    name = "r1"
    player = "discriminator"

    def __init__(self, adversary: Adversary) -> None:
        self.adversary = adversary
        self.lazy = adversary.loss.every

    def loss(self, step: Step) -> Loss:
        images = step.real.detach().requires_grad_()
        seen = self.adversary.judge(images, step, "r1")
        value = self.adversary.loss.gamma / 2 * squared_gradient(seen.judgement.scores, images).mean()
        return Loss(self.lazy * value, {"r1": value.detach()})


class GeneratorTerm(Term):
    """The generator's adversarial loss; gradients flow through the discriminator, none into it.

    Args:
        adversary: the discriminator and the loss.
        weight: of the term.
    """

    name = "generator"

    def __init__(self, adversary: Adversary, weight: float = 1.0) -> None:
        self.adversary = adversary
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        real = judged(step).judgement.scores.detach().chunk(2)[0]
        with frozen(self.adversary.discriminator):
            step.answer = self.adversary.judge(step.fake, step, self.player)
        loss, scores = self.adversary.loss, step.answer.judgement.scores
        step.charge(lambda: self.weight * loss.each(real, scores))
        value = loss.generator(real, scores)
        controlled = loss.control(real, scores.detach(), step.moment.workers)
        return Loss(self.weight * value, {"loss": value.detach(), **controlled})


def judged(step: Step) -> Seen:
    """What the discriminator said in its turn of this step.

    Raises:
        RuntimeError: it had none yet.
    """
    if step.seen is None:
        raise RuntimeError("the discriminator's turn comes first")
    return step.seen
