"""What is matched with what: examples, and where the candidates that may serve them come from.

Examples of one kind choose among the same candidates, which are made for that kind alone. Without conditions there is
one kind, and one pool for all. Where samples are made under the label or the input of an example, examples that share
it are a kind: of labels a kind for each class, of inputs one for each example, as a rule, and then every example has
candidates of its own, the nearest of which it takes (Conditional IMLE: Li, Peng & Malik 2018; Li, Zhang & Malik 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.records import Latents


@dataclass(frozen=True)
class Sought:
    """Examples as they are searched.

    Args:
        embedded: whole ``(n, D)``, or what each is matched in, ``(n, D / parts)`` or twice that.
        part: the part of each, int64 ``(n,)``; 0 of those that are matched whole.
        kind: of each, int64 ``(n,)``; 0 where one pool serves all.
    """

    embedded: Tensor
    part: Tensor
    kind: Tensor

    @classmethod
    def of(cls, embedded: Tensor, part: Tensor | None = None, kind: Tensor | None = None) -> Sought:
        """Examples that are matched whole unless parts are given, and all of a kind unless kinds are."""
        zero = torch.zeros(len(embedded), dtype=torch.int64, device=embedded.device)
        return cls(embedded, zero if part is None else part, zero if kind is None else kind)

    def __len__(self) -> int:
        return len(self.embedded)

    def __getitem__(self, rows: Tensor) -> Sought:
        """Some of them, by their rows or a mask of them."""
        return Sought(self.embedded[rows], self.part[rows], self.kind[rows])


@dataclass(frozen=True)
class Kinds:
    """Which examples are of a kind, and what the latents of a kind must be.

    Args:
        of: the kind of each example, int64 ``(n,)``.
        labels: the class that the prior draws for each kind, int64 ``(K,)``; None where it is free.
        condition: what the generator is given with them, ``(K, ...)``; None where it takes nothing.
    """

    of: Tensor
    labels: Tensor | None
    condition: Tensor | None

    @classmethod
    def among(cls, count: int, labels: Tensor | None = None, condition: Tensor | None = None) -> Kinds:
        """Of so many examples: those are of a kind whose labels ``(n,)`` and conditions ``(n, ...)`` are the same."""
        of = torch.zeros(count, dtype=torch.int64)
        for given in (labels, condition):
            if given is not None:
                number = torch.unique(given, dim=0, return_inverse=True)[1]
                of = torch.unique(of * (int(number.max()) + 1) + number, return_inverse=True)[1]
        one = torch.empty(int(of.max()) + 1, dtype=torch.int64).scatter_(0, of, torch.arange(count))  # example of each
        return cls(of, *(None if given is None else given[one] for given in (labels, condition)))

    @property
    def apart(self) -> bool:
        """Whether examples differ in their conditions as they do in their images: these are inputs, not labels."""
        return self.condition is not None and self.condition.ndim > 1

    def given(self, kind: Tensor) -> Tensor | None:
        """What the generator is given for latents of these kinds, int64 ``(m,)``."""
        return None if self.condition is None else self.condition[kind.to(self.condition.device)]


@dataclass(frozen=True)
class Candidates:
    """A source of candidates: one pool for all examples, or candidates of their own for those of each kind.

    Args:
        latents: ``latents(block, size, labels)`` gives so many latents ``(size, d)`` for a block, of these classes
            unless that is None; the same ones in every process.
        embed: the embeddings of the samples of latents, ``(m, D)``; of pairs of parts laid out side by side,
            ``(m, 2 D)``.
        kinds: those of the examples.
    """

    latents: Callable[[int, int, Tensor | None], Tensor]
    embed: Callable[[Latents], Tensor]
    kinds: Kinds

    def draw(self, block: int, kind: Tensor) -> Latents:
        """The candidates of a block, each made for examples of this kind, int64 ``(m,)``."""
        labels = None if self.kinds.labels is None else self.kinds.labels[kind.to(self.kinds.labels.device)]
        z, condition = self.latents(block, len(kind), labels), self.kinds.given(kind)
        return Latents(z, condition=None if condition is None else condition.to(z.device))
