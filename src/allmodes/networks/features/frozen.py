"""Networks that were trained on photographs, as a discriminator looks through them: frozen, several maps at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...core.errors import UserError, did_you_mean
from .efficientnet_lite0 import STAGES, load_efficientnet_lite0
from .shift_tolerant import SMALLEST, WIDTHS, load_shift_tolerant


@dataclass(frozen=True)
class Source:
    """A network to look through.

    Args:
        load: gives it, frozen.
        ends: blocks after which maps are taken by default, counted from 1.
        count: of its blocks.
        least: side of the smallest images that it can look at.
    """

    load: Callable[[], nn.Module]
    ends: tuple[int, ...]
    count: int
    least: int = 1


SOURCES = {
    "efficientnet-lite0": Source(load_efficientnet_lite0, (1, 3, 5, 11), sum(stage[0] for stage in STAGES)),
    "st-alexnet": Source(lambda: load_shift_tolerant("alex"), (1, 2, 3), len(WIDTHS["alex"]), SMALLEST["alex"]),
    "st-vgg16": Source(lambda: load_shift_tolerant("vgg"), (2, 3, 4, 5), len(WIDTHS["vgg"]), SMALLEST["vgg"]),
}


class Frozen(nn.Module):
    """A frozen network and the blocks after which its maps are taken.

    It stays in evaluation mode and in float32. Its weights are no state of whoever looks through it: checkpoints do
    not hold them.

    Args:
        network: gives maps.
        ends: blocks, ascending.
        least: side of the smallest images that it can look at.
    """

    def __init__(self, network: nn.Module, ends: Sequence[int], least: int = 1) -> None:
        super().__init__()
        self._network = [network]  # in a list: its weights are not this module's state
        self.ends = tuple(ends)
        self.least = least

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Frozen:
        self._network[0]._apply(fn, recurse)  # type: ignore[no-untyped-call]  # to where this module goes
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """``(n, 3, H, W) -> [(n, C, h, w), ...]``, from the finest map on."""
        with torch.autocast(images.device.type, enabled=False):  # its filters gain nothing from half precision
            return list(self._network[0].maps(images.float(), self.ends))  # type: ignore[operator]

    @torch.no_grad()
    def sizes(self, shape: Sequence[int]) -> list[tuple[int, int, int]]:
        """``(C, h, w)`` of the maps of images of this shape.

        Raises:
            UserError: they are too small.
        """
        if min(shape[1:]) < self.least:
            raise UserError(
                f"'discriminator.features' looks at images of {self.least} x {self.least} or more, not of {shape[1]} x "
                f"{shape[2]}: take --data.size {self.least}, or --discriminator.features efficientnet-lite0."
            )
        device = next(self._network[0].parameters()).device
        found = self(torch.zeros(1, 3, *shape[1:], device=device))
        return [(maps.shape[1], maps.shape[2], maps.shape[3]) for maps in found]


def load_frozen(name: str, blocks: Sequence[int] | None = None) -> Frozen:
    """A network by its name.

    Args:
        name: one of ``SOURCES``, as distances in the same features are called.
        blocks: after which maps are taken, counted from 1, ascending; the network's own choice by default.

    Raises:
        UserError: there is no such network or block, or its weights are not installed.
    """
    if name not in SOURCES:
        raise UserError(f"'discriminator.features': '{name}' is no network.{did_you_mean(name, SOURCES)}")
    source = SOURCES[name]
    ends = source.ends if blocks is None else tuple(blocks)
    if not ends or list(ends) != sorted(set(ends)) or ends[0] < 1 or ends[-1] > source.count:
        raise UserError(
            f"'discriminator.blocks' is {list(ends)}, but must be ascending numbers from 1 to {source.count}."
        )
    return Frozen(source.load(), ends, source.least)
