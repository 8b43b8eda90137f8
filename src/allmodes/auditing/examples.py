"""What an audit compares: images or features, from paths, arrays or a model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..core.errors import UserError
from ..core.files import cache_dir, digest
from ..core.progress import track
from ..core.tensors import save_tensors
from ..data.images import Images
from ..data.pixels import to_float
from ..distances.base import Distance
from ..model import Model, load

SAMPLES = 5_000  # drawn from a model
MOST = 4 * 2**30  # bytes of features
SMALLEST = 1e-15  # whose square is a number in single precision
BLOCK = 16  # images embedded at a time: larger blocks leave the processor's cache


class Embedding(Protocol):
    """Images ``(n, C, H, W)`` in [-1, 1] to features ``(n, D)``."""

    def __call__(self, images: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Examples:
    """One side of an audit.

    Args:
        images: uint8 ``(n, C, H, W)``, or None where features were handed in.
        features: float32 ``(n, D)``, or None where there are images.
        files: the file of each image, or nothing.
        fingerprint: hash of the content.
        resize: how the images were brought to their size.
    """

    images: Tensor | None
    features: Tensor | None
    files: tuple[str, ...]
    fingerprint: str
    resize: str = "none"

    def __len__(self) -> int:
        return len(self.images if self.images is not None else self.features)  # type: ignore[arg-type]

    def embedded(self, distance: Distance) -> Tensor:
        """Features ``(n, D)``: those handed in, or the distance's of the images, as its network gives them.

        Costly ones are kept for next time.
        """
        if self.features is not None:
            return self.features
        assert self.images is not None
        features = self._kept(self.images, distance) if distance.costly else _embedded(self.images, distance)
        return features.mul_(features.shape[1] ** 0.5) if distance.averaged else features

    def _kept(self, images: Tensor, distance: Distance) -> Tensor:
        """The embedding ``(n, D)``, from the cache folder or into it."""
        kept = cache_dir() / "features" / f"{digest(self.fingerprint, distance.fingerprint())}.safetensors"
        with suppress(FileNotFoundError, SafetensorError):
            return load_file(kept)["features"]
        features = _embedded(images, distance)
        save_tensors(kept, {"features": features})
        return features


@torch.no_grad()
def _embedded(images: Tensor, distance: Distance) -> Tensor:
    """Features ``(n, D)`` of uint8 images ``(n, C, H, W)``, beside a bar where they are costly."""
    needed = 4 * distance.embed(to_float(images[:1])).numel() * len(images)
    if needed > MOST:
        raise UserError(
            f"The features '{distance.name}' of {len(images):,} images take {needed / 2**30:.0f} GiB: take a smaller "
            "feature space, such as st-vgg16 or efficientnet-lite0, or fewer images."
        )
    blocks = torch.split(images, BLOCK)
    title = f"Features of {len(images):,} images ({distance.name})"
    shown = track(blocks, len(blocks), title) if distance.costly else blocks
    return torch.cat([distance.embed(to_float(block)).float() for block in shown])


Source = str | Path | ArrayLike | Model


def open_examples(source: Source, *, like: Examples | None = None, seed: int = 0) -> Examples:
    """Whatever a user calls data or samples.

    Args:
        source: a folder, ``.zip``, ``.npy`` or ``.npz`` of images or features, a run or model folder, a model, an
            array or tensor: uint8 images ``[n, h, w]`` or ``[n, h, w, c]``, or float features ``[n, d]``.
        like: the other side, whose size and colour these images are brought to.
        seed: of the samples of a model.

    Raises:
        UserError: it cannot be read, is empty, or does not go with the other side.
    """
    if isinstance(source, str | Path) and not Path(source).exists():
        raise UserError(f"{source} does not exist: give a folder, .zip, .npy or .npz of images, or a run.")
    if isinstance(source, str | Path) and _is_run(Path(source)):
        source = load(source)
    if isinstance(source, Model):
        return _bytes(source.sample(SAMPLES, seed=seed))
    if isinstance(source, str | Path):
        path = Path(source)
        features = _features_in(path)
        return _features(features, str(path)) if features is not None else _images(path, like)
    return _array(source)


def _is_run(path: Path) -> bool:
    return (path / "config.json").exists() or (path / "model" / "config.json").exists()


def _bytes(images: Tensor) -> Examples:
    if images.ndim != 4:
        return _features(images.numpy(), "the model's samples")
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Examples(pixels, None, (), digest(pixels.numpy().tobytes()))


def _features_in(path: Path) -> NDArray[np.generic] | None:
    """The features that a file holds, or None where it holds something else."""
    if path.suffix.lower() not in {".npy", ".npz"}:
        return None
    try:
        found = np.load(path, allow_pickle=False)
        array = found if isinstance(found, np.ndarray) else found[found.files[0]]
    except Exception:  # the reader of images says what is wrong
        return None
    return array if array.ndim == 2 else None


def _features(array: ArrayLike, where: str) -> Examples:
    features = torch.as_tensor(np.asarray(array))
    if features.ndim != 2 or not features.is_floating_point() or 0 in features.shape:
        shape = " x ".join(map(str, features.shape))
        raise UserError(f"{where} holds {features.dtype} of shape {shape}: features must be floats [n, d], not empty.")
    features = features.float().contiguous()
    largest = float(features.abs().max())
    if not torch.isfinite(features).all():
        row = int((~torch.isfinite(features)).any(1).nonzero()[0, 0])
        raise UserError(f"The features of {where} contain NaN or infinity, first in row {row}: remove such rows.")
    if largest > 1 / SMALLEST or 0 < largest < SMALLEST:
        raise UserError(
            f"The features of {where} reach {largest:.0e}, and their squares cannot be computed: scale them."
        )
    return Examples(None, features, (), digest(features.numpy().tobytes()))


def _images(path: Path, like: Examples | None) -> Examples:
    size = channels = None
    if like is not None and like.images is not None:
        channels, size = like.images.shape[1], like.images.shape[3]
    images = Images(path, size=size, channels=channels)
    names = tuple(
        name.encode("utf-8", "replace").decode() for name in images.files
    )  # some file systems allow any bytes
    return Examples(images.images, None, names, images.fingerprint, images.resize)


def _array(array: ArrayLike) -> Examples:
    values = array if isinstance(array, Tensor) else torch.as_tensor(np.asarray(array))
    if values.ndim == 2:
        return _features(values.detach().cpu().numpy(), "the array")
    if values.dtype != torch.uint8 and values.ndim == 4:
        return _bytes(values.detach().float().cpu())
    if values.dtype != torch.uint8 or values.ndim not in {3, 4} or len(values) == 0:
        shape = " x ".join(map(str, values.shape))
        raise UserError(
            f"The array holds {values.dtype} of shape {shape}: give uint8 images [n, h, w] or [n, h, w, c], float "
            "images [n, c, h, w] in [-1, 1], or float features [n, d]."
        )
    images = values[:, None] if values.ndim == 3 else values.permute(0, 3, 1, 2).contiguous()
    return Examples(images, None, (), digest(images.numpy().tobytes()))
