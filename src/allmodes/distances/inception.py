"""Distance in the features of the Inception network of the standard FID (Heusel et al. 2017)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..networks.features.inception import DIM, SHA256, load_inception
from .base import Distance
from .colour import as_colour


class InceptionFeatures(Distance):
    """Its 2,048 averaged features. Grey images are shown as colour.

    A Frechet distance of these, before they are divided by the root of 2,048, is the FID.

    Args:
        path: the file of the weights; downloaded by default.

    Raises:
        UserError: there are no weights.
    """

    name = "inception"
    costly = True
    averaged = True

    def __init__(self, *, path: Path | None = None) -> None:
        super().__init__()
        self.network = load_inception(path)

    def embed(self, images: Tensor) -> Tensor:
        """``(n, C, H, W) -> (n, 2048)``; see :meth:`Distance.embed`.

        Raises:
            UserError: the examples are not grey or colour images.
        """
        seen: Tensor = self.network.features(as_colour(images, self.name))
        scale: float = DIM**-0.5
        return seen * scale

    def fingerprint(self) -> str:
        return f"inception({SHA256}, TensorFlow's bilinear rule to 299)"
