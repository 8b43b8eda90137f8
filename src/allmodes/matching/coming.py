"""What a round of matching is about: the examples of the batches until the next one, and what each was matched with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .candidates import Kinds, Sought


@dataclass(frozen=True)
class Matched:
    """The matches of a batch.

    Args:
        latents: ``(B, d)``.
        part: the (first) part that each example was matched in, int64 ``(B,)``; None where whole.
        targets: the embeddings of the examples, ``(B, D)``; None where they were not kept.
    """

    latents: Tensor
    part: Tensor | None
    targets: Tensor | None


@dataclass(frozen=True)
class Coming:
    """The examples of the batches until the next round.

    Args:
        index: their numbers in the data, ascending, int64 ``(n,)``; each once, see :meth:`by_turn`.
        embedded: their embeddings, as they are searched, see :meth:`Matcher.match`.
        place: the row of each entry of the batches among them, int64 ``(refresh * batch,)``.
        part: the part (of a pair the first) that each is matched in, another from round to round, int64 ``(n,)``;
            None where whole.
        targets: their embeddings ``(n, D)``, as the loss compares them; None where they are too large, or change, or
            most are needed once.
        kinds: which of them choose among the same candidates.
    """

    index: Tensor
    embedded: Tensor
    place: Tensor
    part: Tensor | None
    targets: Tensor | None
    kinds: Kinds

    @property
    def sought(self) -> Sought:
        """What is matched."""
        return Sought.of(self.embedded, self.part, self.kinds.of.to(self.embedded.device))

    def by_turn(self, share: int) -> Coming:
        """Each example as often as it has turns, or one for so many of them, which then come round."""
        turns = self.place.bincount()
        order = self.place.argsort(stable=True)
        turn = torch.empty_like(order)
        turn[order] = torch.arange(len(order)) - (turns.cumsum(0) - turns).repeat_interleave(turns)
        rows = -(-turns // share)  # of each example
        most = int(rows.max())
        keys, place = torch.unique(self.place * most + turn % rows[self.place], return_inverse=True)
        example = keys // most
        part = None if self.part is None else self.part[example]
        embedded = self.embedded[example.to(self.embedded.device)]
        kinds = replace(self.kinds, of=self.kinds.of[example])
        return Coming(self.index[example], embedded, place, part, None, kinds)


def first_seen(numbers: list[int], seen: set[int]) -> list[int]:
    """The rows of the numbers that were not seen before; they are now."""
    rows = []
    for row, number in enumerate(numbers):
        if number not in seen:
            seen.add(number)
            rows.append(row)
    return rows
