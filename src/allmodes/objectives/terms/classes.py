r"""The class terms: a discriminator tells the class of real images, a generator makes samples whose class it tells.

.. math:: L_D = -E_{(x, y)} \log p(y \mid x), \qquad L_G = -E_{k, z} \log p(k \mid G(z_k)),
          \qquad p(\cdot \mid x) = \mathrm{softmax}\, c(x)

with c the class logits of a judgement, and k the class that sample :math:`G(z_k)` was made for.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...core.errors import UserError
from ...networks.base import Discriminator, Generator
from ...priors.base import Prior
from .adversarial import judged
from .base import Loss, Step, Term


class RealClassTerm(Term):
    """The cross-entropy of the classes of real images, in the discriminator's pass over them.

    Args:
        discriminator: whose turn it is.
        weight: of the term.

    Raises:
        UserError: it has no class logits, or the weight is not above 0.
    """

    name = "real-classes"
    player = "discriminator"

    def __init__(self, discriminator: Discriminator, weight: float = 1.0) -> None:
        require_classes(discriminator, weight)
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        both = judged(step).judgement.classes
        value = class_loss(None if both is None else both[: len(step.batch)], step.batch.labels)
        return Loss(self.weight * value, {"classes": value.detach()})


class SampleClassTerm(Term):
    """The cross-entropy of the classes that samples were made for, in the generator's turn.

    Args:
        discriminator: tells classes; gradients flow through it, none into it.
        weight: of the term.

    Raises:
        UserError: it has no class logits, or the weight is not above 0.
    """

    name = "sample-classes"

    def __init__(self, discriminator: Discriminator, weight: float = 1.0) -> None:
        require_classes(discriminator, weight)
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        if step.answer is None:
            raise RuntimeError("the generator's adversarial term comes first")
        logits, labels = step.answer.judgement.classes, step.labels
        value = class_loss(logits, labels)
        if logits is not None and labels is not None:
            step.charge(lambda: self.weight * cross_entropy(logits.detach(), labels, reduction="none"))
        return Loss(self.weight * value, {"classes": value.detach()})


def class_loss(logits: Tensor | None, labels: Tensor | None) -> Tensor:
    """The mean cross-entropy of labels ``(n,)`` under class logits ``(n, K)``.

    Raises:
        RuntimeError: there are none, or no labels.
    """
    if logits is None or labels is None:
        raise RuntimeError("a class term needs class logits and labels")
    return cross_entropy(logits, labels)


def require_classes(discriminator: Discriminator, weight: float) -> nn.Linear:
    """What a discriminator tells classes with; a UserError unless it does, and the term's weight is above 0."""
    if discriminator.class_logits is None:
        raise UserError(
            f"The discriminator '{discriminator.name}' tells no classes: set 'discriminator.classes' to their number "
            "(of mlp or convolutional)."
        )
    if not weight > 0:
        raise UserError(f"'objective.weight' is {weight}, but must be above 0.")
    return discriminator.class_logits


def require_same_classes(prior: Prior, generator: Generator, discriminator: Discriminator) -> None:
    """Refuse samples whose class nobody knows, and a discriminator that tells more classes than they have, or fewer.

    Raises:
        UserError: neither prior nor generator is tied to classes, or not to as many as the discriminator tells.
    """
    told = require_classes(discriminator, 1.0).out_features
    made = {"prior.classes": prior.classes, "generator.classes": generator.classes}
    if all(count is None for count in made.values()):
        raise UserError(
            f"Samples of the prior '{prior.name}' and the generator '{generator.name}' are of no class: set "
            "'prior.classes' of a mixture, or 'generator.classes', to the number of classes."
        )
    for option, count in made.items():
        if count is not None and count != told:
            raise UserError(f"'{option}' is {count} and 'discriminator.classes' {told}, but both must be the same.")
