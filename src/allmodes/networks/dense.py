"""Fully connected layers, as generators and discriminators stack them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from ..core.errors import UserError


def dense_layers(sizes: Sequence[int], slope: float) -> list[nn.Module]:
    """A fully connected layer from each size to the next, each with a LeakyReLU of this slope after it."""
    return [layer for before, after in pairwise(sizes) for layer in (nn.Linear(before, after), nn.LeakyReLU(slope))]


def require_widths(widths: Sequence[int]) -> None:
    """Raise a UserError unless there are hidden layers, each at least 1 wide."""
    if not widths or min(widths) < 1:
        raise UserError(f"The network's 'widths' are {list(widths)}, but must be one number or more, each at least 1.")
