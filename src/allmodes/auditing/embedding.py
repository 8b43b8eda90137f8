"""Images in a feature space, some at a time, so that no more of them are ever there as floats.

Costly features are computed on a GPU where there is one, and kept shard by shard: a stop loses one shard at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..core.errors import UserError
from ..core.files import cache_dir, digest
from ..core.memory import memory
from ..core.progress import working
from ..core.tensors import load_tensors, save_tensors
from ..data.pixels import to_float
from ..distances.base import Distance

MOST = 1 / 6  # of this machine's memory, for the features of one side
SHARD = 2_048  # images
BLOCK = 16  # images embedded at a time: larger blocks leave the processor's cache
WIDE = 256  # on a GPU, and by a function of the user's own, which may use one

Function = Callable[[Tensor], Tensor | ArrayLike]


class Own(Distance):
    """A feature space of the user's own. Its features are not kept: nobody knows what they depend on.

    Args:
        function: of images ``(n, C, H, W)``, float32 in [-1, 1] on the CPU, to features ``(n, D)``.
    """

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.name = getattr(function, "__name__", type(function).__name__)  # type: ignore[misc]
        self._function = [function]  # in a list: what it learnt is not the distance's state

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`.

        Raises:
            UserError: it does not give a row of finite numbers for each image.
        """
        found = torch.as_tensor(self._function[0](images)).float()
        if found.ndim != 2 or len(found) != len(images):
            shape = " x ".join(map(str, found.shape))
            raise UserError(f"'{self.name}' gives {shape} for {len(images)} images, but must give one row for each.")
        if not bool(found.isfinite().all()):
            raise UserError(f"'{self.name}' gives NaN or infinity: mend it, or leave out such images.")
        return found

    def fingerprint(self) -> str:
        return f"{self.name}(a function of the user's own)"


@torch.no_grad()
def embed(images: Tensor, distance: Distance, kept_as: str | None = None) -> Tensor:
    """Features ``(n, D)``, float32, of images, beside a bar where they take a while.

    Args:
        images: uint8 ``(n, C, H, W)``.
        distance: the feature space.
        kept_as: fingerprint of the images, under which their features are kept; None to keep none.

    Raises:
        UserError: they take too much memory.
    """
    features = torch.empty(0, 0)
    with working(f"Features of {len(images):,} images ({distance.name})", len(images)) as advance, exact(distance):
        for start in range(0, len(images), SHARD):
            part = images[start : start + SHARD]
            found = _kept(part, distance, len(images), None if kept_as is None else f"{kept_as}, {start:,}")
            if start == 0:
                features = found.new_empty(len(images), found.shape[1])
            features[start : start + SHARD] = found
            advance(len(part))
    return features


def _kept(images: Tensor, distance: Distance, whole: int, kept_as: str | None) -> Tensor:
    """The embedding of a shard, from the cache folder or into it."""
    if kept_as is None:
        return _embedded(images, distance, whole)
    file = cache_dir() / "features" / f"{digest(kept_as, distance.fingerprint())}.safetensors"
    with suppress(UserError, KeyError):  # not there, or damaged: made anew
        return load_tensors(file).tensors["features"]
    features = _embedded(images, distance, whole)
    save_tensors(file, {"features": features})
    return features


def _embedded(images: Tensor, distance: Distance, whole: int) -> Tensor:
    """The embedding of a shard of so many images."""
    device = _device(distance)
    size = WIDE if device.type == "cuda" or isinstance(distance, Own) else BLOCK
    found = []
    for block in torch.split(images, size):
        found.append(distance.embed(to_float(block.to(device))).float().cpu())
        _require_room(4 * found[0].shape[1] * whole, whole, distance.name)
    return torch.cat(found)


def _device(distance: Distance) -> torch.device:
    """A GPU, for what is worth the way there."""
    return torch.device("cuda" if distance.costly and torch.cuda.is_available() else "cpu")


@contextmanager
def exact(distance: Distance) -> Iterator[None]:
    """Within this context the network is where it computes, and convolutions keep the digits of single precision."""
    distance.to(_device(distance))
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def _require_room(needed: int, images: int, name: str) -> None:
    if needed > MOST * memory():
        raise UserError(
            f"The features '{name}' of {images:,} images take {needed / 2**30:.0f} GiB: take a smaller feature space, "
            "such as dinov2-small or efficientnet-lite0, or fewer images."
        )
