"""Pixels: uint8 at the border, float in [-1, 1] inside. The one place where one becomes the other."""

from __future__ import annotations

import torch
from torch import Tensor


def to_float(images: Tensor) -> Tensor:
    """uint8 in 0..255 to float in [-1, 1], any shape."""
    return images.float() / 127.5 - 1.0


def to_uint8(images: Tensor) -> Tensor:
    """Float in [-1, 1] to uint8, rounded and clamped, any shape."""
    return ((images + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)
