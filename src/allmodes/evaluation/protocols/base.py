"""What a protocol of evaluation is: which data it is for, and the scores of samples against them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ...core.records import Score
from ...data.base import Dataset
from ...model import Model

SEED = 1_000_003  # of samples, apart from the latents of grids and training
BLOCK = 500  # images that a network looks at at once

Sampler = Callable[[int, int], Tensor]


@dataclass(frozen=True)
class Subject:
    """What is evaluated.

    Args:
        sample: ``sample(n, seed)`` gives ``(n, *shape)``, images in [-1, 1].
        dataset: what they should look like.
        seed: of the run.
        device: where networks look at samples.
        quick: whether a first look is enough, for the progress bar, not for a table.
        reader: seed of a classifier; another one is trained independently and confirms the first.
        model: behind the samples, where there is one; triangles need its latents.
        assigned: latents of the model that serve the training examples, as often as they do, ``(m, d)``, if any do.
    """

    sample: Sampler
    dataset: Dataset
    seed: int
    device: torch.device
    quick: bool = False
    reader: int = 0
    model: Model | None = None
    assigned: Tensor | None = None

    def draw(self, n: int, block: int = 0) -> Tensor:
        """``n`` samples ``(n, *shape)``; those of another block are others."""
        return self.sample(n, SEED * (block + 1) + self.seed)


@dataclass(frozen=True)
class Looking:
    """What large networks have to look at, which may take longer than to make it.

    Args:
        samples: for all scores.
        first: in a first look, by the first network alone.
        networks: ``(n, *shape) -> (n, D)``.
    """

    samples: int = 0
    first: int = 0
    networks: Sequence[Callable[[Tensor], Tensor]] = ()


class EvaluationProtocol(ABC):
    """Scores of samples against one kind of data.

    Attributes:
        name: of the protocol.
        order: those of lower order are asked first whether they fit.
        copies: whether a first look tells copies of the data.
    """

    name: ClassVar[str]
    order: ClassVar[int] = 0
    copies: ClassVar[bool] = False

    @abstractmethod
    def fits(self, dataset: Dataset) -> bool:
        """Whether the data are of this kind."""

    @abstractmethod
    def passes(self, dataset: Dataset) -> int:
        """About how many samples the generator makes for the scores; a step of a descent in the latent counts three."""

    def looking(self, dataset: Dataset, device: torch.device) -> Looking:
        """What large networks have to look at; nothing where there are none."""
        return Looking()

    @abstractmethod
    def scores(self, subject: Subject) -> tuple[Score, ...]:
        """Every score, with its certificate."""
