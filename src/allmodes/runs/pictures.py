"""The pictures of a run: samples while it trains, the data, and samples beside the data nearest to them."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ..core.pictures import image_columns, image_grid, image_pairs, image_rows, side_by_side, toy_frame
from ..core.pictures import save_picture as save
from ..core.seeding import stream
from ..data.base import Dataset
from ..evaluation.answers import Questions, answers, input_pictures, spread
from ..evaluation.nearest import nearest_images
from ..model import Model
from ..priors import draws
from ..priors.mixture import Mixture
from ..training.current import current_model
from ..training.trainer import Trainer

GRID = 64
CLOUD = 1000
BESIDE = 36  # samples that are shown beside the training images nearest to them
ASKED, AMONG, ANSWERS = 10, 100, 5  # questions that are shown, of how many, and answers to each
COLUMNS = ("input", *["answer"] * ANSWERS, "mean", "spread", "original")
ROW = 12  # samples at latents of either kind, and of a component
ROWS, LONG = 50, 20  # components that are shown, the likeliest of them; more than so many rows stand in two columns


def picture_path(trainer: Trainer, folder: Path) -> Path:
    """Where the grid of the model as it stands belongs; those of later ones sort after it."""
    return folder / f"images-{trainer.model_images:012d}.png"


def save_picture(trainer: Trainer, folder: Path) -> None:
    """A grid of samples from fixed latents, or for planar data the points over the data."""
    model, path = current_model(trainer), picture_path(trainer, folder)
    if len(trainer.dataset.shape) == 1:
        real = trainer.dataset.batch(0, CLOUD, 0).images
        title = f"{trainer.recipe.name}  {trainer.model_images:,} examples"
        save(toy_frame(model.sample(CLOUD), real, title=title), path)
    elif trainer.dataset.input_shape is not None:
        save(answer_grid(trainer.dataset, model), path)
    else:
        save(image_grid(trainer.dataset.picture(model.sample(GRID))), path)


def answer_grid(dataset: Dataset, model: Model) -> Image.Image:
    """A row for each of some questions that training did not see, see ``COLUMNS``."""
    asked = Questions.of(dataset, AMONG).some(ASKED)
    found = answers(model, asked.inputs, ANSWERS, seed=0)
    shown = input_pictures(asked.inputs, dataset.shape, dataset.palette)
    apart = torch.stack([spread(each).expand(dataset.shape) for each in found])
    rows = torch.cat([shown[:, None], found, found.mean(1, keepdim=True), apart[:, None], asked.truth[:, None]], 1)
    return image_columns(dataset.picture(rows.flatten(0, 1)), COLUMNS)


def save_real(dataset: Dataset, folder: Path) -> None:
    """A grid of real examples, laid out as the grids of samples; of few images, each is shown once."""
    if len(dataset.shape) == 3:
        count = min(GRID, len(dataset)) if dataset.fixed else GRID
        grid = image_grid(dataset.picture(dataset.batch(0, count, 0).images), columns=round(GRID**0.5))
        save(grid, folder / "real.png")


def save_nearest(dataset: Dataset, model: Model, folder: Path) -> None:
    """Samples, and below each the training image nearest to it, if the same images come again and again."""
    if dataset.fixed and len(dataset.shape) == 3 and dataset.input_shape is None:
        samples = model.sample(BESIDE)
        pairs = (dataset.picture(images) for images in (samples, nearest_images(dataset, samples)))
        save(image_pairs(*pairs), folder / "nearest.png")


def save_latents(dataset: Dataset, model: Model, assigned: Tensor, folder: Path) -> None:
    """Samples at latents ``(m, d)`` that training assigned to its images, and below them samples at fresh ones."""
    chosen = torch.randperm(len(assigned), generator=stream(0, "row"))[:ROW]
    both = model.decode(assigned.cpu()[chosen]), model.sample(len(chosen))
    save(image_pairs(*(dataset.picture(images) for images in both)), folder / "latents.png")


def save_components(dataset: Dataset, model: Model, folder: Path) -> None:
    """A row of samples for each class that owns components, or else for each component, the likeliest if many."""
    prior = model.prior
    if not isinstance(prior, Mixture) or len(dataset.shape) != 3:
        return
    weights = draws.weights(prior, model.card.get("classes"))
    assert weights is not None
    weights = weights.detach().cpu()
    if prior.classes is not None:
        weights = weights.view(-1, prior.classes).sum(0)
    shown = weights.argsort(descending=True, stable=True)[:ROWS].sort().values.tolist()
    kind = "label" if prior.classes is not None else "component"
    blocks = []
    for part in [shown] if len(shown) <= LONG else [shown[: -(-len(shown) // 2)], shown[-(-len(shown) // 2) :]]:
        rows = [model.sample(ROW, **{kind: number}) for number in part]
        names = [f"{number} \u00b7 {weights[number]:.1%}" for number in part]
        blocks.append(image_rows(dataset.picture(torch.cat(rows)), names))
    save(side_by_side(blocks), folder / "components.png")
