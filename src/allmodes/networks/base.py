"""What a network is: a plain module that knows its input and output shape, and neither loss nor data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.records import Batch, Latents

CACHED = 32  # images of convolutions that a processor makes at a time


class Generator(nn.Module, ABC):
    """Maps latents to images. Constructors take ``shape`` and ``latent`` first, then keyword options.

    Args:
        shape: of one image, ``(C, H, W)``, or ``(2,)`` for planar points.
        latent: dimensions of the latent.

    Attributes:
        name: what recipes call it.
        convolutional: whether it is made of convolutions, which instructions for bfloat16 make faster.
        conditioned: what of a :class:`Batch` it is given beside latents: ``labels``, ``inputs``, or None for nothing.
        classes: how many classes there are of the labels that it is given.
        directional: whether it scales latents to one length, so that only their direction tells what is drawn.
        inputs: the shape of the inputs that it is trained with, ``(D, h, w)``, or ``(h, w)`` of label maps.
        labels: how many labels its label maps have.
        reach: how far from a pixel of the input, in pixels, the image below it depends on it; None where on all of it.
        divisor: of the sides of inputs: they must be multiples of it.
    """

    name: ClassVar[str]
    convolutional: ClassVar[bool] = True
    directional: ClassVar[bool] = False
    conditioned: Literal["labels", "inputs"] | None = None
    classes: int | None = None
    inputs: tuple[int, ...] = ()
    labels: int = 0
    reach: int | None = None
    divisor: int = 1

    @property
    def calls(self) -> int:
        """Network calls that one sample takes."""
        return 1

    def solve_in(self, steps: int) -> None:
        """Take so many steps for a sample from now on, where it takes any.

        Raises:
            UserError: it takes none, or ``steps`` is below 1.
        """
        raise UserError(f"The generator '{self.name}' makes a sample in one call, without steps: leave them out.")

    @abstractmethod
    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """What :meth:`forward` returns; the condition is there if the generator is conditioned, else it is None."""

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """``(n, latent) -> (n, *shape)``, images in [-1, 1].

        Args:
            z: ``(n, latent)``.
            condition: labels, int64 ``(n,)``, or inputs ``(n, ...)``: one for each latent.

        Raises:
            UserError: there is a condition, and it takes none, or the other way round.
        """
        if self.conditioned is None and condition is not None:
            raise UserError(f"The generator '{self.name}' takes no condition: leave it out.")
        if self.conditioned is not None and condition is None:
            raise UserError(f"The generator '{self.name}' is conditioned on {self.conditioned}: give a condition.")
        return self.make(z, condition)

    def require(self, condition: Tensor, n: int) -> None:
        """Raise a UserError unless it can make ``n`` images under these conditions."""
        if self.conditioned is None:
            raise UserError(f"The generator '{self.name}' takes no condition: leave it out.")
        if len(condition) != n:
            raise UserError(f"There are {len(condition)} conditions for {n} samples: give one for each.")
        if self.conditioned == "inputs":
            self.require_input(tuple(condition.shape[1:]))
            if len(self.inputs) == 2:
                self._require_labels(condition, self.labels)
        if self.conditioned == "labels":
            self._require_labels(condition, self.classes or 0)

    def _require_labels(self, condition: Tensor, count: int) -> None:
        if condition.is_floating_point() or (self.conditioned == "labels" and condition.ndim != 1):
            raise UserError(f"The generator '{self.name}' is conditioned on labels: give a whole number for each.")
        for label in (int(condition.min()), int(condition.max())):
            if not 0 <= label < count:
                raise UserError(f"There is no label {label}: this model has 0 to {count - 1}.")

    def require_input(self, shape: tuple[int, ...]) -> None:
        """Raise a UserError unless it makes images of inputs of this shape; by default that of the training alone."""
        if shape != self.inputs:
            raise UserError(
                f"The generator '{self.name}' was trained on inputs of shape {self.inputs}, not {shape}: bring the "
                "input to that."
            )

    def condition(self, batch: Batch) -> Tensor | None:
        """What it is given of examples, ``(B, ...)``; None where it is conditioned on nothing, or they have no such."""
        if self.conditioned is None:
            return None
        return batch.labels if self.conditioned == "labels" else batch.inputs


def made(generator: Callable[..., Tensor], latents: Latents) -> Tensor:
    """The images of latents, ``(n, *shape)``, under their condition if they have one."""
    given = () if latents.condition is None else (latents.condition,)
    return generator(latents.z, *given)


def made_in_turns(generator: Callable[..., Tensor], latents: Latents) -> Tensor:
    """The same without gradients, in evaluation mode, of latents that may be many.

    Convolutions of many images leave a processor's caches, where as many in turns take half of the time.
    """
    convolutional = isinstance(generator, Generator) and generator.convolutional
    size = CACHED if convolutional and latents.z.device.type == "cpu" else max(1, len(latents))
    return torch.cat([made(generator, some) for some in latents.split(size)])


@dataclass(frozen=True)
class Judgement:
    """What a discriminator says of images.

    Args:
        scores: logits, larger is more real: ``(n,)``, or ``(n, k)`` of which losses take the mean.
        classes: logits of the classes, ``(n, K)``; None where it tells none apart.
        maps: what it can draw images again from, the last map last; none where it cannot.
    """

    scores: Tensor
    classes: Tensor | None = None
    maps: tuple[Tensor, ...] = ()

    def float(self) -> Judgement:
        """The same in float32, but for the maps."""
        classes = None if self.classes is None else self.classes.float()
        return Judgement(self.scores.float(), classes, self.maps)

    @staticmethod
    def joined(parts: Sequence[Judgement]) -> Judgement:
        """One of the images of several, in their order."""
        if len(parts) == 1:
            return parts[0]
        classes = [part.classes for part in parts if part.classes is not None]
        maps = zip(*(part.maps for part in parts), strict=True)
        joined = tuple(torch.cat(level) for level in maps)
        return Judgement(torch.cat([part.scores for part in parts]), torch.cat(classes) if classes else None, joined)


class Discriminator(nn.Module, ABC):
    """Judges images. Constructors take ``shape`` first, then keyword options.

    Attributes:
        name: what recipes call it.
        score: the last layer, from features to one score, or several, ``(n, D) -> (n, k)``.
        class_logits: beside it, from features to a logit for every class, ``(n, D) -> (n, K)``; None by default.
        together: whether what it says of an image depends on the others of its batch, so that real images and samples
            must be shown to it one batch after the other.
        conditioned: ``inputs`` if it judges pairs of an image and the input that this was made of or belongs to; None
            for images alone.
    """

    name: ClassVar[str]
    together: bool = False
    conditioned: Literal["inputs"] | None = None
    score: nn.Module
    class_logits: nn.Linear | None

    def __init__(self) -> None:
        super().__init__()
        self.class_logits = None

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """``(n, *shape) -> (n, D)``: what the last layer sees; of one that is conditioned, of pairs."""

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Judgement:
        """Of images ``(n, *shape)``.

        Args:
            images: in [-1, 1].
            condition: inputs ``(n, ...)``, one for each image, if it is conditioned on them.

        Raises:
            UserError: there is a condition, and it takes none, or the other way round.
        """
        if self.conditioned is None:
            if condition is not None:
                raise UserError(f"The discriminator '{self.name}' takes no condition: leave it out.")
            return self.judgement(images)
        if condition is None:
            raise UserError(f"The discriminator '{self.name}' judges images with their inputs: give one for each.")
        return self.judgement(self.paired(images, condition))

    def judgement(self, images: Tensor) -> Judgement:
        """What :meth:`forward` returns, of images or pairs as :meth:`features` takes them."""
        return self.judged(self.features(images))

    def paired(self, images: Tensor, condition: Tensor) -> Tensor:
        """Images and what they are judged under, as :meth:`features` takes them. One with a condition has its own."""
        raise NotImplementedError(f"{self.name} judges images alone")

    def condition(self, batch: Batch) -> Tensor | None:
        """What it is shown of examples beside images, ``(B, ...)``; None where it judges images alone."""
        return None if self.conditioned is None else batch.inputs

    def require_alone(self, what: str) -> None:
        """Raise a UserError if it judges images with their inputs, which ``what`` has no use for."""
        if self.conditioned is not None:
            raise UserError(
                f"The discriminator '{self.name}' judges images with their inputs, and {what} looks at images alone: "
                "take --discriminator convolutional."
            )

    def judged(self, features: Tensor) -> Judgement:
        """The judgement that rests on features ``(n, D)``."""
        scores: Tensor = self.score(features)
        classes = None if self.class_logits is None else self.class_logits(features)
        return Judgement(scores[:, 0] if scores.shape[1] == 1 else scores, classes)


class Encoder(nn.Module, ABC):
    """Reads from an image which component of a mixture it is of. Constructors take ``shape`` and ``components`` first.

    Of a method that reads latents from images, components are the dimensions of the latent, and logits these.

    It has several heads, which begin apart and may end at other groups of the data; one of them is in force.

    Args:
        size: D, of the features.
        components: K, of the prior.
        heads: H, their number.

    Attributes:
        information: what each head has come to tell of the data while one was to be chosen, ``(H,)``.
    """

    name: ClassVar[str]
    information: Tensor

    def __init__(self, size: int, components: int, heads: int) -> None:
        super().__init__()
        require_sizes(heads=heads)
        self.logits = nn.Linear(size, heads * components)
        self.register_buffer("information", torch.zeros(heads))

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """``(n, *shape) -> (n, D)``: what the heads see."""

    def readings(self, images: Tensor) -> Tensor:
        """Logits of the components by every head, ``(n, *shape) -> (H, n, K)``."""
        logits: Tensor = self.logits(self.features(images))
        return logits.view(len(images), len(self.information), -1).transpose(0, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the components by the head that tells most, ``(n, *shape) -> (n, K)``."""
        return self.readings(images)[int(self.information.argmax())]


def class_layer(features: int, classes: int) -> nn.Linear | None:
    """From features to a logit for every class; None, and no draw of weights, where there are none.

    Raises:
        UserError: the number of classes is negative.
    """
    if classes < 0:
        raise UserError(f"The network's 'classes' is {classes}, but must be at least 0.")
    return nn.Linear(features, classes) if classes else None


def require_sizes(**sizes: int) -> None:
    """Raise a UserError for the first size, by the name of its option, that is below 1."""
    for option, size in sizes.items():
        if size < 1:
            raise UserError(f"The network's '{option}' is {size}, but must be at least 1.")
