"""PSNR by its closed form, SSIM by the definition at every place of the window, and by another package."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from torchmetrics.functional.image import structural_similarity_index_measure

from allmodes.metrics.fidelity import best_of, psnr, ssim


def pairs(channels: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(1)
    truth = torch.rand(4, channels, 20, 17, generator=rng) * 2 - 1
    return (truth + 0.3 * torch.randn(truth.shape, generator=rng)).clamp(-1, 1), truth


def test_psnr_of_an_error_of_one_step_of_the_pixels():
    truth = torch.zeros(2, 3, 8, 8)
    near = truth + torch.tensor([1.0, 10.0])[:, None, None, None] / 127.5
    assert psnr(near, truth).tolist() == pytest.approx([20 * np.log10(255), 20 * np.log10(25.5)], abs=1e-5)
    assert torch.isinf(psnr(truth, truth)).all()


def test_ssim_by_its_definition_at_every_place():
    images, truth = pairs(1)
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    for a, b, found in zip(
        *((each[:, 0].double().numpy() + 1) * 127.5 for each in (images, truth)), ssim(images, truth), strict=True
    ):

        def mean(values: np.ndarray) -> np.ndarray:
            return correlate(values, window)[5:-5, 5:-5]

        ma, mb = mean(a), mean(b)
        va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        map_ = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
        assert float(found) == pytest.approx(map_.mean(), abs=1e-9)


def test_ssim_is_that_of_torchmetrics():
    images, truth = pairs()
    at_places = structural_similarity_index_measure(
        *((each.double() + 1) / 2 for each in (images, truth)), data_range=1.0, sigma=1.5, return_full_image=True
    )[1]
    theirs = at_places[..., 5:-5, 5:-5].flatten(1).mean(1)  # where the window lies within the image
    assert ssim(images, truth).tolist() == pytest.approx(theirs.tolist(), abs=1e-9)
    assert ssim(truth, truth).tolist() == pytest.approx([1.0] * 4)


def test_ssim_of_a_flat_image_that_is_brighter_is_its_term_of_brightness():
    black, grey = -torch.ones(1, 1, 11, 11), torch.zeros(1, 1, 11, 11)  # levels 0 and 127.5
    white, c1 = -black, (0.01 * 255) ** 2
    assert float(ssim(grey, white)) == pytest.approx((2 * 127.5 * 255 + c1) / (127.5**2 + 255**2 + c1), abs=1e-9)
    assert float(ssim(black, white)) == pytest.approx(c1 / (255**2 + c1), abs=1e-9)


def test_images_smaller_than_the_window_are_refused():
    with pytest.raises(ValueError, match="smaller than the window"):
        ssim(torch.zeros(1, 1, 10, 20), torch.zeros(1, 1, 10, 20))


def test_the_best_of_some_is_the_mean_over_all_choices_of_them():
    values = torch.rand(3, 6, generator=torch.Generator().manual_seed(2))
    found = best_of(values)
    for row, curve in zip(values.double().tolist(), found.tolist(), strict=True):
        expected = [np.mean([min(some) for some in combinations(row, k)]) for k in range(1, 7)]
        assert curve == pytest.approx(expected)
