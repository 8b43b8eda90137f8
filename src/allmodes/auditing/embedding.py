"""Images in a feature space, some at a time, so that no more of them are ever there as floats.

Costly features are computed on a GPU where there is one, and kept shard by shard: a stop loses one shard at most.
Several processes share them: each makes the shards that are neither kept nor in another's hands, and the first waits
for those. A process that is killed holds nothing any more, so what it had begun the first one makes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..core.errors import UserError
from ..core.files import cache_dir, digest
from ..core.launched import launched
from ..core.locks import claimed
from ..core.memory import memory
from ..core.progress import working
from ..core.tensors import load_tensors, save_tensors
from ..data.pixels import to_float
from ..distances.base import Distance

MOST = 1 / 6  # of this machine's memory, for the features of one side
SHARD = 2_048  # images
BLOCK = 16  # images embedded at a time: larger blocks leave the processor's cache
PAUSE = 0.1  # seconds between two looks whether another process has made a shard
WIDE = 256  # on a GPU, and by a function of the user's own, which may use one

UNNAMED = "own function"  # a function that was given no name

Function = Callable[[Tensor], Tensor | ArrayLike]


class Own(Distance):
    """A feature space of the user's own. Its features are not kept: nobody knows what they depend on.

    Args:
        function: of images ``(n, C, H, W)``, float32 in [-1, 1] on the CPU, to features ``(n, D)``.
    """

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.name = _named(function)  # type: ignore[misc]
        self._function = [function]  # in a list: what it learnt is not the distance's state

    def embed(self, images: Tensor) -> Tensor:
        """See :meth:`Distance.embed`.

        Raises:
            UserError: it does not give a row of finite numbers for each image.
        """
        given = self._function[0](images)
        try:
            found = torch.as_tensor(given).float()
        except (TypeError, ValueError, RuntimeError):  # what is no array at all, each library in its way
            found = torch.empty(0)
        if found.ndim != 2 or len(found) != len(images):
            shape = " x ".join(map(str, getattr(given, "shape", ()))) or f"a {type(given).__name__} without rows"
            raise UserError(f"'{self.name}' gives {shape} for {len(images)} images, but must give one row for each.")
        if not bool(found.isfinite().all()):
            raise UserError(f"'{self.name}' gives NaN or infinity: mend it, or leave out such images.")
        return found

    def fingerprint(self) -> str:
        return f"{self.name}(a function of the user's own)"


def _named(function: Function) -> str:
    """What a function is called where it was defined; of a network, its class."""
    while isinstance(function, partial):
        function = function.func
    name = str(getattr(function, "__name__", type(function).__name__))
    return UNNAMED if name == "<lambda>" else name


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
        coming = deque(range(0, len(images), SHARD))
        while coming:
            start = coming.popleft()
            found = _kept(images, start, distance, kept_as, advance)
            if found is None:
                coming.append(start)
                time.sleep(PAUSE)
                continue
            if not len(features):
                features = found.new_empty(len(images), found.shape[1])
            features[start : start + SHARD] = found
    return features


@torch.no_grad()
def share(images: Tensor, distance: Distance, kept_as: str) -> None:
    """Keep features for the first of several processes; arguments as of :func:`embed`.

    Each of them begins elsewhere, so that they share the work even where they cannot see what the others are at.
    """
    process, starts = launched(), range(0, len(images), SHARD)
    first = len(starts) * process.rank // process.size
    with exact(distance):
        for start in (*starts[first:], *starts[:first]):
            if not _file(start, distance, kept_as).exists():
                _kept(images, start, distance, kept_as, lambda done: None)


def _file(start: int, distance: Distance, kept_as: str) -> Path:
    """Where a shard is kept."""
    return cache_dir() / "features" / f"{digest(f'{kept_as}, {start:,}', distance.fingerprint())}.safetensors"


def _kept(
    images: Tensor, start: int, distance: Distance, kept_as: str | None, advance: Callable[[int], None]
) -> Tensor | None:
    """The embedding of a shard, from the cache folder or into it; None while another process makes it."""
    shard = images[start : start + SHARD]
    if kept_as is None:
        return _embedded(shard, distance, len(images), advance)
    file = _file(start, distance, kept_as)
    with claimed(file.with_suffix(".lock")) as mine:
        if not mine:
            return None
        with suppress(UserError, KeyError):  # not there, or damaged: made anew
            features = load_tensors(file).tensors["features"]
            advance(len(features))
            return features
        features = _embedded(shard, distance, len(images), advance)
        save_tensors(file, {"features": features})
        return features


def _embedded(images: Tensor, distance: Distance, whole: int, advance: Callable[[int], None]) -> Tensor:
    """The embedding of a shard of so many images."""
    device = _device(distance)
    size = WIDE if device.type == "cuda" or isinstance(distance, Own) else BLOCK
    found = []
    for block in torch.split(images, size):
        found.append(distance.embed(to_float(block.to(device))).float().cpu())
        _require_room(4 * found[0].shape[1] * whole, whole, distance.name)
        advance(len(block))
    return torch.cat(found)


def _device(distance: Distance) -> torch.device:
    """A GPU, for what is worth the way there: of several, each process has its own."""
    if not distance.costly or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", launched().local % torch.cuda.device_count())


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
