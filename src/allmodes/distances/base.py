"""What a distance is: Euclidean after an embedding, so that search and loss share one geometry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn


class Distance(nn.Module, ABC):
    """A distance between images: ``distance(a, b)^2 = |embed(a) - embed(b)|^2``.

    Distances have no trainable parameters of their own: networks inside are frozen or belong to a player.

    Attributes:
        name: what recipes call it.
        needs: the name of the network it looks through, which ``attach`` is given before first use:
            ``"discriminator"``, or the name of a feature network that the project trains on the data
            (see ``learned.features``); None if it needs none.
        costly: whether a large network computes the embedding, so that it is worth keeping.
        averaged: whether the features are divided by the root of their number, so that a distance is a root mean
            square. Metrics that depend on scale, as the FID does, take them as they were before.
    """

    name: ClassVar[str]
    needs: ClassVar[str | None] = None
    costly: ClassVar[bool] = False
    averaged: ClassVar[bool] = False

    def attach(self, network: nn.Module) -> None:
        """Receive the network named by ``needs``."""
        raise TypeError(f"the distance '{self.name}' needs no network")

    def parts(self, shape: Sequence[int]) -> int:
        """How many equal parts the embedding of an image of this shape is made of, each of them a distance too."""
        return 1

    def update(self) -> None:
        """Called once before every round of matching, for a distance that follows a moving network."""

    @property
    def steady(self) -> bool:
        """Whether embeddings stay what they are between two rounds of matching."""
        return True

    def moving(self) -> nn.Module:
        """What of it changes in training and must be in checkpoints: nothing, unless it follows a moving network."""
        return nn.Module()

    @abstractmethod
    def embed(self, images: Tensor) -> Tensor:
        """``(n, *shape) -> (n, D)``, differentiable."""

    def embed_part(self, images: Tensor, part: Tensor) -> Tensor:
        """The embedding of every image in one of its parts, ``(n, *shape), (n,) -> (n, D / parts)``, differentiable."""
        embedded = self.embed(images)
        rows = torch.arange(len(images), device=images.device)
        return embedded.view(len(images), self.parts(images.shape[1:]), -1)[rows, part]

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Euclidean distance of each pair, ``(n, *shape), (n, *shape) -> (n,)``."""
        return (self.embed(a) - self.embed(b)).pow(2).sum(dim=1).sqrt()

    @abstractmethod
    def fingerprint(self) -> str:
        """Name, configuration and hash of the weights, in one short string."""
