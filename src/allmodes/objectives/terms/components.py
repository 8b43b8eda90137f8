r"""Which component an image is of: what an encoder Q descends to tell, and a generator to be told rightly.

On real images x, of which nothing is known, the encoder maximises the mutual information of what it says of an image
and of a view of it that shows the same (invariant information clustering: Ji, Henriques & Vedaldi 2019, equation 3):

.. math:: I(k; k'), \qquad P(k, k') = \tfrac{1}{2B} \sum_i Q(k | x_i) Q(k' | x_i') + Q(k' | x_i) Q(k | x_i')

It is largest, log K, where views never change the component, every image is surely of one, and all have as many.
Descents end at groups of unlike worth; so several heads of Q descend it side by side, which also teaches what they
share, and the one with the most information is taken, as they do.

On samples, whose component is known, both players descend the cross-entropy (InfoGAN: Chen et al. 2016, equation 5):

.. math:: - E_{k, z} \log Q(k \mid G(z)), \qquad z \sim P(z \mid k)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...core.workers import Workers
from ...data.augmentation import Policy
from ...networks.base import Encoder
from .adversarial import seen_through
from .base import Loss, Step, Term, frozen

SETTLED = 6  # a part of the training, about, that mnist/info-gan chooses a head in
RECENT = 0.02  # weight of the newest batch in what a head has come to tell
TINY = 1e-8  # the least of a joint probability, of which a logarithm is taken


class EncoderTerm(Term):
    """What the encoder descends: the error on samples, less the information of real images and their views.

    The error is that of the head in force, the information that of every head.

    Args:
        encoder: Q.
        views: what changes an image and not what it shows.
        weight: of the error on samples.
        settle: images after which the head in force stays: the one that told most until then, by a running mean.
    """

    name = "encoder"
    player = "encoder"

    def __init__(self, encoder: Encoder, views: Sequence[Policy], weight: float, settle: int) -> None:
        self.encoder = encoder
        self.views = views
        self.weight = weight
        self.settle = settle

    def note(self, images: int) -> str | None:
        if images > self.settle:
            return None
        return (
            f"a head of the encoder is chosen until {self.settle:,} images, and this training has {images:,}: the "
            f"generator gets no time to follow it. --objective.settle {images // SETTLED} leaves it some."
        )

    def loss(self, step: Step) -> Loss:
        real, moment = step.batch.images, step.moment
        changed = seen_through(torch.cat([real, step.samples.detach()]), moment, self.views, "views")
        said, again, of_samples = self.encoder.readings(torch.cat([real, changed])).float().chunk(3, 1)
        told = shared_information(said.softmax(2), again.softmax(2), moment.workers)
        head = int(self.encoder.information.argmax())
        if moment.step == 0 or moment.step * moment.batch_size < self.settle:
            self.encoder.information.lerp_(told.detach(), RECENT)
        error = F.cross_entropy(of_samples[head], known(step))
        return Loss(self.weight * error - told.sum(), {"information": told[head].detach(), "error": error.detach()})


class ComponentTerm(Term):
    """What the generator descends: the encoder's error on its samples; gradients flow through Q, none into it.

    Args:
        encoder: Q.
        weight: of the error.
    """

    name = "component"

    def __init__(self, encoder: Encoder, weight: float) -> None:
        self.encoder = encoder
        self.weight = weight

    def loss(self, step: Step) -> Loss:
        with frozen(self.encoder), evaluating(self.encoder):
            read = self.encoder(step.samples).float()
        step.charge(lambda: self.weight * F.cross_entropy(read.detach(), known(step), reduction="none"))
        error = F.cross_entropy(read, known(step))
        return Loss(self.weight * error, {"error": error.detach()})


def shared_information(said: Tensor, again: Tensor, workers: Workers) -> Tensor:
    """The mutual information of two readings of the same images, in nats, over the batches of all processes.

    Args:
        said: probabilities of the components by each head, ``(H, B, K)``.
        again: of other views of the same images, ``(H, B, K)``.
        workers: the mean of their gradients is that of the whole.

    Returns:
        ``(H,)``, in float32 or more whatever the precision of the networks.
    """
    with torch.autocast(said.device.type, enabled=False):
        joint = said.mT @ again / said.shape[1]
    joint = (joint + joint.mT) / 2
    joint = workers.gather(joint.detach()).mean(0) + joint - joint.detach()
    joint = joint.clamp_min(TINY)
    alone = joint.sum(1).log()
    return (joint * (joint.log() - alone[:, None] - alone[:, :, None])).sum((1, 2))


def known(step: Step) -> Tensor:
    """The components that the step's samples are of, int64 ``(B,)``."""
    component = step.drawn.component
    assert component is not None, "an encoder is built for a mixture alone"
    return component


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within this context the network is in evaluation: it normalises by what it has seen, and notes nothing."""
    network.eval()
    try:
        yield
    finally:
        network.train()
