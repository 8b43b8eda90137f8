r"""How near answers are to the truth, pixel by pixel and in structure: what restoration is measured by.

.. math:: \mathrm{PSNR} = 10 \log_{10} \frac{2^2}{|a - b|^2 / D}, \qquad
          \mathrm{SSIM} = \frac{(2\mu_a\mu_b + c_1)(2\sigma_{ab} + c_2)}
                               {(\mu_a^2 + \mu_b^2 + c_1)(\sigma_a^2 + \sigma_b^2 + c_2)}

with means and variances under a Gaussian window of 11 x 11 and deviation 1.5 at every place where it lies within the
image (Wang, Bovik, Sheikh & Simoncelli 2004), averaged over places and channels. SSIM compares how bright places are,
so pixels count from black, which is 0, as everywhere in the literature. Both are highest for the mean of all
answers, which is blurred: they say whether an answer is true, not whether it looks so.
"""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor
from torch.nn import functional as F

RANGE = 2.0  # of pixels in [-1, 1]
WINDOW, DEVIATION = 11, 1.5
C1, C2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2


def psnr(images: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, in dB; infinite where it is the truth itself.

    Args:
        images: ``(n, C, H, W)`` in [-1, 1].
        truth: of the same shape.

    Returns:
        float64 ``(n,)``.
    """
    error = (images.double() - truth.double()).square().flatten(1).mean(1)
    return 10 * torch.log10(RANGE**2 / error)


def ssim(images: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each image, 1 where it is the truth itself.

    Args:
        images: ``(n, C, H, W)`` in [-1, 1], H and W at least 11.
        truth: of the same shape.

    Returns:
        float64 ``(n,)``.

    Raises:
        ValueError: images are smaller than the window.
    """
    if min(images.shape[2:]) < WINDOW:
        raise ValueError(f"images of {tuple(images.shape[2:])} are smaller than the window of {WINDOW} x {WINDOW}")
    a, b = images.double() + 1, truth.double() + 1  # from black on
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a, var_b = _windowed(a * a) - mean_a**2, _windowed(b * b) - mean_b**2
    covariance = _windowed(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    below = (mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2)
    return (above / below).flatten(1).mean(1)


def best_of(values: Tensor) -> Tensor:
    r"""The least of k of so many values, for every k from 1 on: its mean over all choices of k of them.

    .. math:: \mathrm{E} \min_k = \sum_i v_{(i)} \binom{n - i}{k - 1} \Big/ \binom{n}{k}, \quad
              v_{(1)} \le v_{(2)} \le \dots

    Args:
        values: ``(..., n)``.

    Returns:
        float64 ``(..., n)``: of 1, of 2, ..., of all.
    """
    n = values.shape[-1]
    shares = [[comb(n - i, k - 1) / comb(n, k) for k in range(1, n + 1)] for i in range(1, n + 1)]
    return values.double().sort(-1).values @ torch.tensor(shares, dtype=torch.float64)


def _windowed(images: Tensor) -> Tensor:
    """Means under the window, wherever it lies within the images."""
    places = torch.arange(WINDOW, dtype=images.dtype) - WINDOW // 2
    line = torch.softmax(-places.square() / (2 * DEVIATION**2), 0)
    apart = images.flatten(0, 1)[:, None]
    down = F.conv2d(apart, line[None, None, :, None])
    means = F.conv2d(down, line[None, None, None])
    return means.view(*images.shape[:2], *means.shape[2:])
