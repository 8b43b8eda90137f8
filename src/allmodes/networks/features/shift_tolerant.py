"""Trunks of ST-LPIPS (Ghildyal & Liu 2022): AlexNet and VGG16 whose features hardly change when images shift.

Every step down is a maximum at each place followed by a blur, so that what is kept does not depend on where the grid of
kept places falls (Zhang 2019). The weights come with the package ``stlpips-pytorch`` (BSD-2), or from a path to a file.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .packaged import Weights

Trunk = Literal["alex", "vgg"]
WIDTHS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}
SMALLEST = {"alex": 32, "vgg": 18}  # sides of images that are not too small for the last step down
FILES = {
    trunk: Weights(
        "ST-LPIPS", "stlpips-pytorch", "stlpips_pytorch", f"weights/vST0.0/{trunk}_shift_tolerant.pth", sha256
    )
    for trunk, sha256 in {
        "alex": "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
        "vgg": "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
    }.items()
}


class Blur(nn.Module):
    """A 3 x 3 binomial filter of every channel at every second place."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", torch.empty(channels, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class ShiftTolerant(nn.Module):
    """A trunk of five slices, with a weight for every channel of each.

    Args:
        trunk: ``"alex"`` or ``"vgg"``.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        slices, number = [], 0
        for layers in _alex() if trunk == "alex" else _vgg():
            slices.append(nn.Sequential(OrderedDict((str(number + i), layer) for i, layer in enumerate(layers))))
            number += len(layers)
        self.slices = nn.ModuleList(slices)
        self.weights = nn.ParameterList(torch.empty(1, width, 1, 1) for width in WIDTHS[trunk])
        self.register_buffer("shift", torch.empty(1, 3, 1, 1))
        self.register_buffer("scale", torch.empty(1, 3, 1, 1))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features after each slice, ``(n, 3, H, W)`` in [-1, 1] -> five times ``(n, C, h, w)``."""
        return self.maps(images, range(1, len(self.slices) + 1))

    def maps(self, images: Tensor, ends: Sequence[int]) -> list[Tensor]:
        """What is seen after so many slices each, counted from 1, in ascending order."""
        x, found = (images - self.shift) / self.scale, []
        for number, part in enumerate(self.slices[: ends[-1]], start=1):
            x = part(x)
            if number in ends:
                found.append(x)
        return found


def _alex() -> list[list[nn.Module]]:
    widths = WIDTHS["alex"]
    return [
        [nn.Conv2d(3, 64, 11, padding=2), Blur(64), nn.ReLU()],
        [nn.MaxPool2d(3, 1), Blur(64), nn.Conv2d(64, 192, 5, padding=2), nn.ReLU()],
        [nn.MaxPool2d(3, 1), Blur(192), nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()],
        *([nn.Conv2d(widths[k - 1], widths[k], 3, padding=1), nn.ReLU()] for k in (3, 4)),
    ]


def _vgg() -> list[list[nn.Module]]:
    slices: list[list[nn.Module]] = []
    before = 3
    for width, count in zip(WIDTHS["vgg"], (2, 2, 3, 3, 3), strict=True):
        layers: list[nn.Module] = [nn.MaxPool2d(2, 1), Blur(before)] if slices else []
        for _ in range(count):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        slices.append(layers)
    return slices


def load_shift_tolerant(trunk: Trunk, path: Path | None = None) -> ShiftTolerant:
    """The trained trunk, frozen.

    Args:
        trunk: ``"alex"`` or ``"vgg"``.
        path: the file of its weights; that of the installed package by default.

    Raises:
        UserError: there is none, or it is another file.
    """
    stored = FILES[trunk].read(path)
    renamed = {}
    for key, value in stored.items():
        room, _, rest = key.partition(".")
        if room == "net":
            part, _, rest = rest.partition(".")
            renamed[f"slices.{int(part.removeprefix('slice')) - 1}.{rest}"] = value
        else:
            renamed[rest if room == "scaling_layer" else f"weights.{room.removeprefix('lin')}"] = value
    with torch.device("meta"):  # no random weights are drawn
        network = ShiftTolerant(trunk)
    network.load_state_dict(renamed, assign=True)
    return network.eval().requires_grad_(False)
