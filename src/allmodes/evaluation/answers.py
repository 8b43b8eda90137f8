"""Questions that a conditional generator was not trained on, and its answers to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.records import Batch
from ..data.base import Dataset
from ..data.degradations.grey import Grey
from ..data.degraded import Degraded
from ..data.palettes import Palette
from ..model import Model
from ..networks.generators.cascade import as_channels
from .tiles import TILE, answer_large

TRAINING = "the training images themselves: nothing was held out, and answers to what was learnt say little of others"


@dataclass(frozen=True)
class Questions:
    """Inputs and the originals that they were made of.

    Args:
        inputs: ``(n, ...)``.
        truth: ``(n, *shape)``.
        split: what they are, in words.
        shrink: what degrades answers ``(n, *shape)`` as the originals were; None where nothing does so exactly.
    """

    inputs: Tensor
    truth: Tensor
    split: str
    shrink: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(cls, dataset: Dataset, most: int) -> Questions:
        """At most so many of the held-out images; without such, of the test split, or else of the training images."""
        for split, words in (("heldout", "held-out images"), ("test", "test images")):
            found = dataset.unseen(split)  # type: ignore[arg-type]
            if len(found):
                return cls._of(dataset, found[:most], words)
        return cls._of(dataset, dataset.batch(0, min(most, len(dataset)), 0), TRAINING)

    @classmethod
    def _of(cls, dataset: Dataset, batch: Batch, words: str) -> Questions:
        assert batch.inputs is not None
        shrink = None
        if isinstance(dataset, Degraded) and dataset.degradation.exact:
            degradation = dataset.degradation

            def shrink(images: Tensor) -> Tensor:
                return degradation.degrade(images, batch.index)

        return cls(batch.inputs, batch.images, f"{len(batch):,} {words}", shrink)

    def __len__(self) -> int:
        return len(self.inputs)

    def some(self, n: int) -> Questions:
        """So many of them to be shown, at even steps: folders often come one kind after another."""
        rows = torch.linspace(0, len(self) - 1, min(n, len(self))).round().long()
        return Questions(self.inputs[rows], self.truth[rows], self.split)


def answers(model: Model, inputs: Tensor, each: int, *, seed: int) -> Tensor:
    """So many answers to each question, from codes of their own, ``(n, each, *shape)``."""
    found = model.sample(len(inputs) * each, seed=seed, condition=inputs.repeat_interleave(each, 0))
    return found.view(len(inputs), each, *found.shape[1:])


def most_different(found: Tensor, n: int) -> Tensor:
    """Of answers ``(m, *shape)`` the ``n`` that differ most: from the first on, always the farthest from all chosen.

    Returns:
        Their rows, int64 ``(n,)``. The smallest distance among them is at least half of the best that there is
        (Gonzalez 1985).
    """
    flat, chosen = found.flatten(1), [0]
    nearest = (flat - flat[0]).norm(dim=1)
    while len(chosen) < min(n, len(found)):
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, (flat - flat[chosen[-1]]).norm(dim=1))
    return torch.tensor(chosen)


WHITE = 2 / 5  # deviation that is drawn white: a fifth of the range of pixels, which is from -1 to 1


class Spread:
    """Where answers ``(C, H, W)`` differ, none of which need be kept: their deviation, as they come (Welford 1962)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, torch.zeros(()), torch.zeros(())

    def add(self, answer: Tensor) -> None:
        """One more."""
        self.count += 1
        apart = answer - self.mean
        self.mean = self.mean + apart / self.count
        self.squares = self.squares + apart * (answer - self.mean)

    def picture(self) -> Tensor:
        """Their standard deviation at each pixel, as a grey picture ``(1, H, W)``.

        Black is 0, and white a fifth of the range of pixels or more.
        """
        deviation = (self.squares / self.count).mean(0, keepdim=True).sqrt()
        return (deviation / WHITE * 2 - 1).clamp(max=1)


def spread(found: Iterable[Tensor]) -> Tensor:
    """See :meth:`Spread.picture`."""
    seen = Spread()
    for answer in found:
        seen.add(answer)
    return seen.picture()


def input_pictures(inputs: Tensor, shape: tuple[int, ...], palette: Palette | None = None) -> Tensor:
    """Inputs as pictures of the size of images, ``(n, *shape)``: enlarged without smoothing, grey in every channel.

    Args:
        inputs: pictures, ``(n, D, h, w)``, or label maps, ``(n, h, w)``.
        shape: of images, ``(C, H, W)``.
        palette: of label maps.
    """
    if palette is not None:
        inputs = palette.pictures(inputs)
    if (shape[0], inputs.shape[1]) == (1, 3):
        inputs = Grey().degrade(inputs, torch.arange(len(inputs)))
    return F.interpolate(as_channels(inputs, shape[0]), list(shape[1:]))


def given(model: Model, dataset: Dataset) -> Callable[[int, int], Tensor]:
    """``sample(n, seed)`` of a model: one answer to each of ``n`` inputs of the data, if it is conditioned on such."""
    if dataset.input_shape is None:
        return model.sample

    def sample(n: int, seed: int) -> Tensor:
        return model.sample(n, seed=seed, condition=dataset.batch(0, n, seed).inputs)

    return sample


def codes_for(model: Model, given: Tensor, n: int, *, seed: int, sigma: float = 1.0) -> Tensor:
    """``n`` codes for answers to one input ``(D, h, w)``, ``(n, d)``: the same ones for every input.

    Raises:
        UserError: the model takes no such input.
    """
    model.generator.require(given[None], 1)
    return model.draw(n, seed=seed, sigma=sigma, condition=given.expand(n, *given.shape)).z


def each_answer(model: Model, given: Tensor, codes: Tensor) -> Iterator[Tensor]:
    """An answer ``(C, H, W)`` to one input ``(D, h, w)`` of any size under each code ``(n, d)``.

    Large ones are made in tiles, and one at a time.
    """
    if max(given.shape[-2:]) <= TILE:
        yield from model.decode(codes, given.expand(len(codes), *given.shape))
    else:
        yield from (answer_large(model, given, code) for code in codes)


def answers_under(model: Model, given: Tensor, codes: Tensor) -> Tensor:
    """All of :func:`each_answer`, ``(n, C, H, W)``."""
    return torch.stack(list(each_answer(model, given, codes)))


def answers_to(model: Model, given: Tensor, n: int, *, seed: int, sigma: float = 1.0) -> Tensor:
    """``n`` answers to one input ``(D, h, w)`` of any size, ``(n, C, H, W)``.

    Raises:
        UserError: the model takes no such input.
    """
    return answers_under(model, given, codes_for(model, given, n, seed=seed, sigma=sigma))
