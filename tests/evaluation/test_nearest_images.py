"""Samples beside the nearest training images, and in a run's folder."""

from __future__ import annotations

import torch
from PIL import Image

from allmodes.data.fixed import FixedImages
from allmodes.evaluation import nearest
from allmodes.evaluation.nearest import nearest_images
from allmodes.runs.run import train

TINY = {"images": 256, "batch": 64, "threads": 1, "device": "cpu", "generator.width": 4, "matching.pool": 64}


def noise(count: int, side: int) -> FixedImages:
    pixels = torch.randint(256, (count, 3, side, side), generator=torch.Generator().manual_seed(0))
    return FixedImages(pixels.byte(), None, "noise")


def test_a_copy_is_found_and_others_by_brute_force(monkeypatch) -> None:
    monkeypatch.setattr(nearest, "BLOCK", 7)
    data = noise(50, 16)
    images = data.batch(0, 50, 0).images
    samples = torch.cat([images[[3, 30]] + 0.01, -images[:5]])
    found = nearest_images(data, samples)
    assert torch.equal(found[:2], images[[3, 30]])
    gaps = (samples[:, None] - images).flatten(2).norm(dim=2)
    assert torch.equal(found, images[gaps.argmin(1)])


def test_a_shift_by_a_pixel_hides_no_copy() -> None:
    data = noise(40, 64)
    images = data.batch(0, 40, 0).images
    smooth = torch.nn.functional.avg_pool2d(images, 3, stride=1, padding=1)
    assert torch.equal(nearest_images(data, smooth.roll(1, dims=3)), images)


def test_a_run_on_fixed_images_shows_them(tmp_path) -> None:
    for number in range(20):
        Image.new("L", (28, 28), 12 * number).save(tmp_path / f"{number}.png")
    run = train("triangles/imle", tmp_path / "run", overrides={**TINY, "data": str(tmp_path)})
    with Image.open(run.path / "samples" / "nearest.png") as picture:
        assert picture.width == 12 * (56 + 3) + 3
    assert (run.path / "evaluation.json").exists()
