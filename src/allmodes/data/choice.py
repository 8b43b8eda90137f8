"""Some of the classes of a labelled set, in given shares.

With shares the set is as large as its scarcest class allows: of 6,131 threes and 5,421 fives at 7 to 3, all threes and
2,628 fives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import UserError


@dataclass(frozen=True)
class Choice:
    """Which examples of a labelled set are taken.

    Args:
        classes: the labels that are kept, and in which order: the first becomes label 0, the next label 1. All by
            default, as they are.
        shares: of each of these classes among the examples that are taken; as they are by default.

    Raises:
        UserError: a class is named twice or is negative, or the shares are not positive, one per class, of sum 1.
    """

    classes: Sequence[int] | None = None
    shares: Sequence[float] | None = None

    def __post_init__(self) -> None:
        kept, shares = self.classes, self.shares
        if kept is not None and (not kept or len(set(kept)) < len(kept) or min(kept) < 0):
            raise UserError(f"'data.classes' is {list(kept)}, but must be one label or more, none of them twice.")
        if shares is None:
            return
        if not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1, abs_tol=1e-6):
            raise UserError(f"'data.shares' is {list(shares)}, but must be numbers above 0 whose sum is 1.")
        if kept is not None and len(shares) != len(kept):
            raise UserError(f"'data.shares' is {list(shares)}, but must be one number for each of {list(kept)}.")

    def __str__(self) -> str:
        """What of it goes into a fingerprint; nothing where all is taken as it is."""
        named = {"classes": self.classes, "shares": self.shares}
        return ", ".join(f"{key} {list(value)}" for key, value in named.items() if value is not None)

    def places(self, labels: Tensor) -> Tensor:
        """Where the examples that are taken are, in their order: the first of each class. int64, ascending.

        Args:
            labels: of all examples, ``(n,)``.

        Raises:
            UserError: a class has no example.
        """
        kept = self._kept(labels)
        there = [(labels == label).nonzero()[:, 0] for label in kept]
        for label, places in zip(kept, there, strict=True):
            if not len(places):
                raise UserError(f"'data.classes' names {label}, but no example is of that class.")
        counts = [len(places) for places in there] if self.shares is None else split(list(map(len, there)), self.shares)
        return torch.cat([places[:count] for places, count in zip(there, counts, strict=True)]).sort().values

    def renumbered(self, labels: Tensor) -> Tensor:
        """Labels of examples that are taken, by their class's place among those that are kept."""
        if self.classes is None:
            return labels
        return (labels[:, None] == torch.tensor(self.classes)).int().argmax(1)

    def _kept(self, labels: Tensor) -> list[int]:
        if self.classes is not None:
            return list(self.classes)
        found = sorted(set(labels.tolist()))
        if self.shares is not None and len(self.shares) != len(found):
            raise UserError(f"'data.shares' is {list(self.shares)}, but must be one number for each of {found}.")
        return found


def split(there: Sequence[int], shares: Sequence[float]) -> list[int]:
    """As many examples of each class as there may be, so that they are in these shares.

    >>> split([6131, 5421], [0.7, 0.3])
    [6131, 2628]
    """
    whole = min(count / share for count, share in zip(there, shares, strict=True))
    return [min(count, max(1, round(whole * share))) for count, share in zip(there, shares, strict=True)]
