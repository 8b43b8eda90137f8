"""An embedding learned without labels: images that differ by a small deformation lie together, others apart."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from .base import FeatureNetwork, trunk


class Embedding(FeatureNetwork):
    """Features on the unit sphere, for a contrastive loss (SimCLR, Chen et al. 2020).

    Args:
        shape: ``(C, H, H)``.
        dim: of the features.
        width: channels of the first convolution.
    """

    name = "embedding"

    def __init__(self, shape: tuple[int, ...], *, dim: int = 64, width: int = 16) -> None:
        super().__init__()
        self.shape = shape
        self.trunk = trunk(shape, width, 96)
        self.head = nn.Linear(96, dim)

    def summary(self, hidden: Tensor) -> Tensor:
        return F.normalize(self.head(hidden), dim=1)
