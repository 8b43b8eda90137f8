"""Samples as pictures and files: images in grids, points of the plane over the data they were learned from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..core.files import atomic, atomic_folder
from ..core.pictures import image_grid, to_rgb, toy_frame
from ..data.pixels import to_uint8
from ..model import Model, load

CLOUD = 1000  # real points drawn behind samples


@dataclass(frozen=True)
class Trained:
    """A model with a way to draw what it makes.

    Args:
        model: on a GPU if there is one.
        planar: whether its samples are points of the plane.
        draw: ``(samples, columns) -> picture``; points have no columns.
    """

    model: Model
    planar: bool
    draw: Callable[[Tensor, int | None], Image.Image]


def open_trained(run: Path) -> Trained:
    """Load a run's model.

    Raises:
        UserError: the folder holds no model, or for planar data no recipe.
    """
    model = load(run).to("cuda" if torch.cuda.is_available() else "cpu")
    if len(model.config["shape"]) == 3:
        return Trained(model, False, lambda samples, columns: image_grid(samples, columns=columns))
    return Trained(model, True, over_data(run))


def over_data(run: Path) -> Callable[[Tensor, int | None], Image.Image]:
    """Draws points over the data of a run."""
    from ..runs.run import Run
    from ..training.build import build_dataset  # images need none of this, which takes seconds to import

    recipe = Run(run).recipe
    data = build_dataset(recipe)
    real = data.batch(0, CLOUD, 0).images
    modes = getattr(data, "modes", None)
    return lambda samples, columns: toy_frame(samples, real, modes=modes, title=recipe.name)


def write_array(path: Path, samples: Tensor) -> None:
    """Write a compressed array file: ``images`` in 8 bits, or ``points`` in floats.

    Args:
        path: the ``.npz`` file.
        samples: images ``(n, C, H, W)`` become ``(n, H, W, C)``, or ``(n, H, W)`` if grey; points stay ``(n, 2)``.
    """
    arrays = {"images": pixels(samples)} if samples.ndim == 4 else {"points": samples.numpy()}
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def write_folder(folder: Path, samples: Tensor) -> None:
    """Write a PNG for each sample into a new folder, which appears when it is complete.

    Raises:
        UserError: the folder cannot be written.
    """
    bytes_ = pixels(samples) if samples.shape[1] in {1, 3} else to_rgb(samples)
    digits = len(str(len(bytes_) - 1))
    with atomic_folder(folder) as waiting:
        for number, image in enumerate(bytes_):
            Image.fromarray(image).save(waiting / f"{number:0{digits}}.png")


def write_named(folder: Path, pictures: Iterable[tuple[str, Tensor]]) -> None:
    """Write a PNG for each picture ``(C, H, W)``, by its name, into a new folder, which appears when it is complete.

    They are written as they come, so that many large ones need not be held.

    Raises:
        UserError: the folder cannot be written.
    """
    with atomic_folder(folder) as waiting:
        for name, picture in pictures:
            Image.fromarray(pixels(picture[None])[0]).save(waiting / f"{name}.png")


def pixels(images: Tensor) -> NDArray[np.uint8]:
    """8-bit pixels with the channels last, or without them if there is one: ``(n, H, W, C)`` or ``(n, H, W)``."""
    array: NDArray[np.uint8] = to_uint8(images).permute(0, 2, 3, 1).contiguous().numpy()
    return array[..., 0] if array.shape[-1] == 1 else array
