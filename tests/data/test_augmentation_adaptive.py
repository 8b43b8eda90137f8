"""The augmentation of probability p: against numpy, closed forms and explicit matrices, and p exact."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from allmodes.core.errors import UserError
from allmodes.data.augmentation import augment, uniforms
from allmodes.data.augmentation_adaptive import (
    DRAWS,
    SYM6,
    adaptive,
    adaptive_policy,
    blitted,
    geometry,
    mapped,
    normal,
    recoloured,
)

NEVER = 1 - 2**-24  # the largest uniform number: above every p below 1


def images(n: int, channels: int = 3, side: int = 12) -> torch.Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


def even(n: int) -> torch.Tensor:
    """Numbers that lie evenly in [0, 1), ``(n,)``."""
    return (torch.arange(n) + 0.5) / n


def alone(first: int, width: int, *values: float) -> torch.Tensor:
    """Draws for one image where only a transformation is made whose numbers stand at ``first``: ``(1, width)``."""
    draws = torch.full((1, width), NEVER)
    draws[0, first : first + 1 + len(values)] = torch.tensor([0.0, *values])
    return draws


def test_the_filter_is_that_of_an_orthogonal_wavelet_of_six_vanishing_moments():
    taps = np.array(SYM6)
    assert taps.sum() == pytest.approx(sqrt(2), abs=1e-12)
    for shift in range(0, 12, 2):
        assert taps[shift:] @ taps[: 12 - shift] == pytest.approx(float(shift == 0), abs=1e-11)
    signs = (-1.0) ** np.arange(12)
    for moment in range(6):
        assert signs * taps @ np.arange(12.0) ** moment == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("channels", [1, 3])
def test_with_no_chance_images_stay_as_they_are(channels):
    x = images(5, channels)
    found = adaptive(x, torch.rand(5, DRAWS, generator=torch.Generator().manual_seed(1)), p=0.0)
    torch.testing.assert_close(found, x, atol=5e-6, rtol=0)


class TestProbability:
    """Draws that lie evenly: the share of images that a transformation is made of is p to the last image."""

    @pytest.mark.parametrize("p", [0.1, 0.37, 0.999])
    @pytest.mark.parametrize(("gate", "value", "share"), [(0, 0.2, 1), (2, 0.3, 1), (4, 0.9, 1), (0, 0.7, 0)])
    def test_of_copied_pixels(self, gate, value, share, p):
        draws = torch.full((1000, 7), value)
        draws[:, [0, 2, 4]] = NEVER
        draws[:, gate] = even(1000)
        x = images(1, 1).expand(1000, -1, -1, -1)
        changed = (blitted(x, draws, p) != x).flatten(1).any(1)
        assert int(changed.sum()) == round(share * 1000 * p)

    @pytest.mark.parametrize("p", [0.1, 0.37, 0.999])
    @pytest.mark.parametrize("gate", [0, 4, 8])
    def test_of_maps(self, gate, p):
        draws = torch.full((1000, 11), 0.8)
        draws[:, [0, 2, 4, 6, 8]] = NEVER
        draws[:, gate] = even(1000)
        changed = (geometry(draws, p) != torch.eye(2, 3)).flatten(1).any(1)
        assert int(changed.sum()) == round(1000 * p)

    def test_of_either_rotation(self):
        draws = torch.full((400 * 400, 11), 0.8)
        draws[:, [0, 4, 8]] = NEVER
        draws[:, 2], draws[:, 6] = even(400).repeat(400), even(400).repeat_interleave(400)
        changed = (geometry(draws, 0.4) != torch.eye(2, 3)).flatten(1).any(1)
        assert float(changed.double().mean()) == pytest.approx(0.4, abs=0.003)  # of 400 evenly drawn numbers

    @pytest.mark.parametrize("p", [0.1, 0.37, 0.999])
    @pytest.mark.parametrize("gate", [0, 2, 4, 6, 8])
    def test_of_colours(self, gate, p):
        draws = torch.full((1000, 10), 0.3)
        draws[:, [0, 2, 4, 6, 8]] = NEVER
        draws[:, gate] = even(1000)
        x = images(1, 3, 2).expand(1000, -1, -1, -1)
        changed = ((recoloured(x, draws, p) - x).abs() > 1e-5).flatten(1).any(1)
        assert int(changed.sum()) == round(1000 * p)


class TestCopiedPixels:
    @pytest.mark.parametrize("quarters", range(4))
    def test_are_turned_by_quarters(self, quarters):
        x = images(1)
        found = blitted(x, alone(2, 7, quarters / 4 + 0.1), 0.5)
        assert torch.equal(found, torch.rot90(x, quarters, (2, 3)))

    def test_are_mirrored(self):
        assert torch.equal(blitted(images(1), alone(0, 7, 0.4), 0.5), images(1).flip(3))

    @pytest.mark.parametrize(("draws", "down", "right"), [((0.0, NEVER), -2, 2), ((0.49, 0.8), 0, 1)])
    def test_are_moved_by_up_to_an_eighth_and_go_on_as_in_mirrors(self, draws, down, right):
        x = images(1, 1, 16)
        wide = np.pad(x[0, 0].numpy(), 2, mode="reflect")
        expected = wide[2 - down : 18 - down, 2 - right : 18 - right]
        np.testing.assert_array_equal(blitted(x, alone(4, 7, *draws), 0.5)[0, 0], expected)

    def test_are_mirrored_before_they_are_turned_and_turned_before_they_are_moved(self):
        x = images(1, 1, 16)
        draws = torch.tensor([[0.0, 0.2, 0.0, 0.3, 0.0, NEVER, 0.5]])
        turned = np.rot90(np.flip(x[0, 0].numpy(), 1))
        np.testing.assert_array_equal(blitted(x, draws, 0.5)[0, 0, 2:], turned[:-2])


class TestMaps:
    def test_are_those_of_the_steps_one_after_the_other(self):
        draws = torch.rand(20, 11, generator=torch.Generator().manual_seed(2))
        draws[:, ::2] = 0  # all are made
        draws[:, 9:] = torch.rand(20, 2, generator=torch.Generator().manual_seed(3))
        for row, found in zip(draws.double(), geometry(draws, 0.5).double(), strict=True):
            z = torch.special.ndtri(row + 2.0**-25)
            scale, stretch = 2 ** (0.2 * z[1]), 2 ** (0.2 * z[5])
            angles = [np.pi * (2 * float(row[i]) - 1) for i in (3, 7)]
            first, second = (np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in angles)
            point = np.array([0.3, -0.2])
            gone = second @ (np.diag([float(stretch), 1 / float(stretch)]) @ (first @ (float(scale) * point)))
            gone = gone + 0.125 * z[9:].numpy()
            np.testing.assert_allclose(found.numpy() @ [*gone, 1], point, atol=1e-5)

    def test_take_a_smooth_image_where_they_say(self):
        side = 48
        down, right = torch.meshgrid(*(torch.arange(side) - (side - 1) / 2,) * 2, indexing="ij")

        def picture(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return torch.exp(-((x - 5) ** 2 + (y + 3) ** 2) / 60) - 0.5 * torch.exp(-((x + 6) ** 2 + (y - 2) ** 2) / 40)

        for seed in range(4):
            draws = torch.rand(1, 11, generator=torch.Generator().manual_seed(seed))
            draws[:, [0, 2, 4, 6, 8]] = 0
            maps = geometry(draws, 0.9)
            (a, b, c), (d, e, f) = maps[0]
            expected = picture(a * right + b * down + c * side, d * right + e * down + f * side)
            found = mapped(picture(right, down)[None, None], maps)[0, 0]
            inside = (expected.abs() > 0.05) & (found.abs() > 0.05)  # elsewhere mirrors may show it again
            assert int(inside.sum()) > 100
            assert float((found - expected)[inside].abs().max()) < 0.02

    def test_are_linear_in_the_images_and_differentiable_twice(self):
        """Of D(x) = a T x the penalty is |T^T a|^2, whose gradient by a is 2 T T^T a, with T as an explicit matrix."""
        draws = torch.rand(1, DRAWS, generator=torch.Generator().manual_seed(4))
        zero = adaptive(torch.zeros(1, 1, 8, 8), draws, p=0.7)
        basis = torch.eye(64).view(64, 1, 8, 8)
        matrix = (adaptive(basis, draws.expand(64, -1), p=0.7) - zero).flatten(1).T
        a = torch.randn(64, generator=torch.Generator().manual_seed(5)).requires_grad_()
        x = images(1, 1, 8).requires_grad_()
        (gradient,) = torch.autograd.grad(a @ adaptive(x, draws, p=0.7).flatten(), x, create_graph=True)
        gradient.square().sum().backward()
        torch.testing.assert_close(a.grad, 2 * matrix @ matrix.T @ a.detach(), atol=1e-4, rtol=1e-4)


class TestColours:
    def test_are_those_of_the_steps_one_after_the_other(self):
        draws = torch.rand(6, 10, generator=torch.Generator().manual_seed(6))
        draws[:, ::2] = 0
        draws[:3, 5] = 0.2  # luma is flipped
        x = images(6)
        found = recoloured(x, draws, 0.5).permute(0, 2, 3, 1).double().numpy()
        for pixels, row, got in zip(x.permute(0, 2, 3, 1).double().numpy(), draws.double(), found, strict=True):
            z = torch.special.ndtri(row + 2.0**-25).numpy()
            axis = np.ones(3) / sqrt(3)
            pixels = (pixels + 0.2 * z[1]) * 2 ** (0.5 * z[3])
            if row[5] < 0.5:
                pixels = pixels - 2 * np.outer(pixels @ axis, axis).reshape(pixels.shape)
            turn = Rotation.from_rotvec(np.pi * (2 * float(row[7]) - 1) * axis).as_matrix()
            pixels = pixels @ turn.T
            grey = np.outer(pixels @ axis, axis).reshape(pixels.shape)
            np.testing.assert_allclose(got, grey + (pixels - grey) * 2 ** z[9], atol=1e-5)

    def test_of_grey_images_are_brightness_contrast_and_flip(self):
        draws = torch.tensor([[0.0, 0.9, 0.0, 0.8, 0.0, 0.1, 0.0, 0.9, 0.0, 0.9]])
        z = torch.special.ndtri(torch.tensor([0.9, 0.8]))
        expected = -(images(1, 1) + 0.2 * z[0]) * 2 ** (0.5 * z[1])
        torch.testing.assert_close(recoloured(images(1, 1), draws, 0.5), expected)


def test_normal_numbers_are_finite_at_both_ends():
    found = normal(torch.tensor([0.0, 0.5, NEVER, 0.3]), torch.tensor([True, True, True, False]))
    assert torch.isfinite(found).all()
    assert found.tolist()[3] == 0
    assert abs(float(found[0] + found[2])) < 0.3


def test_is_a_policy_among_others():
    x, policy = images(3), adaptive_policy(0.5)
    draws = uniforms(3, [policy], torch.Generator().manual_seed(7))
    assert torch.equal(augment(x, draws, [policy]), adaptive(x, draws, p=0.5))
    assert not torch.equal(augment(x, draws, [policy]), x)


def test_half_precision_around_it_is_no_matter():
    x, draws = images(2), torch.rand(2, DRAWS, generator=torch.Generator().manual_seed(8))
    with torch.autocast("cpu", torch.bfloat16):
        found = adaptive(x, draws, p=0.8)
    assert torch.equal(found, adaptive(x, draws, p=0.8))


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (1, 3, 8, 9)])
def test_images_of_other_shapes_are_refused(shape):
    with pytest.raises(UserError, match=r"set it to null"):
        adaptive(torch.zeros(shape), torch.zeros(1, DRAWS), p=0.5)
