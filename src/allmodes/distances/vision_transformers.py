"""Distances in the features of large networks that others have trained on photographs: DINOv2 and CLIP.

Stein et al. (2023, "Exposing flaws of generative model evaluation metrics") find that distances in DINOv2's features
agree with what people see far better than those of Inception. Both networks are shown the whole image, brought to one
size with Pillow's bicubic rule: their own preparation cuts the border off, where a part of the data may differ.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from ..core.files import digest
from ..networks.features.clip_texts import texts
from ..networks.features.vision_transformers import Published, load_published
from .base import Distance
from .colour import as_colour

PATCH = 14  # of DINOv2
HALF = frozenset({"cuda"})  # kinds of devices that compute in bfloat16
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PROMPT = "a photo of a {}"  # Radford et al. (2021), section 3.1.4
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


class TransformerFeatures(Distance):
    """Features of a vision transformer. Grey images are shown as colour. On a GPU it computes in bfloat16.

    Args:
        path: folder of the weights; downloaded by default.

    Attributes:
        published: which network.
        statistics: mean and standard deviation of each channel, in [0, 1], that it was trained with.
        side: pixels that images are brought to.

    Raises:
        UserError: the package ``transformers`` is not installed, or there are no weights.
    """

    costly = True
    published: ClassVar[Published]
    statistics: ClassVar[tuple[tuple[float, ...], tuple[float, ...]]]
    side: int

    def __init__(self, *, path: Path | None = None) -> None:
        super().__init__()
        self.network = load_published(self.published, path)
        self._weights = digest(*(value.numpy().tobytes() for _, value in sorted(self.network.state_dict().items())))

    def prepared(self, images: Tensor) -> Tensor:
        """``(n, C, H, W)`` in [-1, 1] as the network was trained to see them, ``(n, 3, side, side)``."""
        size = (self.side, self.side)
        colour = as_colour(images, self.name)
        shown = F.interpolate(colour, size, mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)
        mean, deviation = (torch.tensor(each, device=images.device).view(3, 1, 1) for each in self.statistics)
        return ((shown + 1) / 2 - mean) / deviation

    def embed(self, images: Tensor) -> Tensor:
        """``(n, C, H, W) -> (n, D)``; see :meth:`Distance.embed`.

        Raises:
            UserError: the examples are not grey or colour images.
        """
        prepared = self.prepared(images)
        device = images.device.type
        with torch.autocast(device, torch.bfloat16, enabled=device in HALF):
            seen = self.seen(prepared)
        return seen.float()

    @abstractmethod
    def seen(self, prepared: Tensor) -> Tensor:
        """The features of images that were prepared."""

    def fingerprint(self) -> str:
        precision = ", bfloat16" if next(self.network.parameters()).device.type in HALF else ""
        return f"{self.name}({self._weights[:8]}, side={self.side}, bicubic{precision})"


class Dinov2Features(TransformerFeatures):
    """The class token of DINOv2, normalised as it comes.

    Args:
        side: pixels that images are brought to; the network was trained at 224 and 518, and at 112 it takes a quarter
            of the time.
        path: folder of the weights; downloaded by default.

    Raises:
        UserError: ``side`` is no multiple of 14, or there are no weights.
    """

    statistics = IMAGENET

    def __init__(self, *, side: int = 224, path: Path | None = None) -> None:
        if side < PATCH or side % PATCH:
            raise UserError(f"'distance.side' is {side}, but must be a multiple of {PATCH}, such as 224.")
        super().__init__(path=path)
        self.side = side

    def seen(self, prepared: Tensor) -> Tensor:
        """``(n, 3, side, side) -> (n, D)``."""
        found: Tensor = self.network(prepared).pooler_output
        return found


class Dinov2Small(Dinov2Features):
    """384 features of the smaller network of 22 million weights."""

    name = "dinov2-small"
    published = Published(
        name="DINOv2 (small)",
        kind="Dinov2Model",
        types=frozenset({"dinov2"}),
        repository="facebook/dinov2-small",
        revision="8c0210022ead0e9012784aecff426ff6613bf835",
    )


class Dinov2Base(Dinov2Features):
    """768 features of the network of 87 million weights."""

    name = "dinov2-base"
    published = Published(
        name="DINOv2 (base)",
        kind="Dinov2Model",
        types=frozenset({"dinov2"}),
        repository="facebook/dinov2-base",
        revision="f2604a616e0cd01e27e0f1e99be10aea2360524e",
    )


class ClipFeatures(TransformerFeatures):
    """The 512 features that CLIP holds against those of words, of unit length as there."""

    name = "clip"
    statistics = CLIP
    published = Published(
        name="CLIP",
        kind="CLIPVisionModelWithProjection",
        types=frozenset({"clip", "clip_vision_model"}),
        repository="openai/clip-vit-base-patch32",
        revision="c237dc49a33fc61debc9276459120b7eac67e7ef",  # its newest one holds pickles alone
    )

    def __init__(self, *, path: Path | None = None) -> None:
        super().__init__(path=path)
        self.path = path
        self.side = int(self.network.config.image_size)  # type: ignore[union-attr,arg-type]

    def seen(self, prepared: Tensor) -> Tensor:
        """``(n, 3, side, side) -> (n, D)``."""
        found: Tensor = self.network(prepared).image_embeds
        return F.normalize(found.float(), dim=1)

    def words(self, words: Sequence[str]) -> Tensor:
        """The features of ``a photo of a {word}``, that those of pictures are held against, of unit length, ``(w, D)``.

        Raises:
            UserError: the weights come without what reads texts, or a word is too long.
        """
        return texts(self.published, [PROMPT.format(word) for word in words], self.path)
