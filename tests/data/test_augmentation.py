"""Differentiable augmentation: every policy against its definition pixel by pixel, and what it leaves alone."""

from __future__ import annotations

import itertools

import pytest
import torch

from allmodes.core.errors import UserError
from allmodes.data.augmentation import POLICIES, augment, colour, cutout, find_policies, translation, uniforms

AT_REST = {"colour": (colour, "strength"), "translation": (translation, "ratio"), "cutout": (cutout, "ratio")}
SHAPES = [(4, 3, 8, 8), (3, 1, 9, 9), (2, 3, 7, 12)]


def pictures(shape: tuple[int, ...], seed: int = 1) -> torch.Tensor:
    """Nowhere 0, so that zeros are what augmentation put there."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 0.9 + 0.05


def numbers(name: str, n: int, seed: int = 2) -> torch.Tensor:
    return uniforms(n, [POLICIES[name]], torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", POLICIES)
class TestEveryPolicy:
    def test_keeps_the_shape_and_changes_every_image_by_its_own_numbers(self, name, shape):
        images, draws = pictures(shape), numbers(name, shape[0])
        out = POLICIES[name].apply(images, draws)
        assert out.shape == shape
        alone = [POLICIES[name].apply(images[i : i + 1], draws[i : i + 1]) for i in range(shape[0])]
        torch.testing.assert_close(out, torch.cat(alone))

    def test_changes_nothing_at_zero_strength(self, name, shape):
        apply, strength = AT_REST[name]
        images = pictures(shape)
        torch.testing.assert_close(apply(images, numbers(name, shape[0]), **{strength: 0.0}), images)

    def test_carries_first_and_second_derivatives(self, name, shape):
        """The generator learns through it, and penalties of the discriminator reach the image before it."""
        images, draws = pictures(shape).double(), numbers(name, shape[0]).double()
        apply = POLICIES[name].apply
        assert torch.autograd.gradcheck(lambda x: apply(x, draws) ** 2, images.requires_grad_(), fast_mode=True)
        assert torch.autograd.gradgradcheck(lambda x: apply(x, draws) ** 2, images, fast_mode=True)

    def test_the_same_seed_gives_the_same_images(self, name, shape):
        images, policies = pictures(shape), find_policies([name])
        first, same, other = (
            augment(images, uniforms(shape[0], policies, torch.Generator().manual_seed(seed)), policies)
            for seed in (0, 0, 1)
        )
        assert torch.equal(first, same)
        assert not torch.equal(first, other)


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_by_its_three_formulas(channels):
    images, draws = pictures((5, channels, 6, 6)), numbers("colour", 5)
    for before, after, (brightness, saturation, contrast) in zip(images, colour(images, draws), draws, strict=True):
        expected = before + (brightness - 0.5)
        expected = expected.mean(0) + (expected - expected.mean(0)) * (2 * saturation)
        expected = expected.mean() + (expected - expected.mean()) * (contrast + 0.5)
        torch.testing.assert_close(after, expected)


def test_saturation_leaves_grey_images_alone():
    grey, draws = pictures((4, 1, 6, 6)), numbers("colour", 4)
    other = draws * torch.tensor([1.0, 0.5, 1.0])  # another saturation, the rest as before
    torch.testing.assert_close(colour(grey, draws), colour(grey, other))
    tinted = grey * torch.tensor([1.0, 0.5, 0.2]).view(3, 1, 1)
    assert not torch.allclose(colour(tinted, draws), colour(tinted, other))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_translation_moves_whole_images_and_fills_with_zeros(shape):
    n, _, height, width = shape
    images, draws = pictures((*shape,)), numbers("translation", n)
    out = translation(images, draws, ratio=0.5)
    for i in range(n):
        down = int(draws[i, 0] * (2 * ((height + 1) // 2) + 1)) - (height + 1) // 2
        right = int(draws[i, 1] * (2 * ((width + 1) // 2) + 1)) - (width + 1) // 2
        for row, column in itertools.product(range(height), range(width)):
            inside = 0 <= row - down < height and 0 <= column - right < width
            expected = images[i, :, row - down, column - right] if inside else torch.zeros(shape[1])
            assert torch.equal(out[i, :, row, column], expected)


def test_translation_reaches_an_eighth_of_the_side_and_no_farther():
    images = torch.ones(4000, 1, 16, 16)
    out = translation(images, numbers("translation", 4000))
    empty = (out == 0).all(dim=3).sum(dim=2)[:, 0]
    assert empty.unique().tolist() == [0, 1, 2]
    # shifts -2..2 alike: one in five moves nothing, two in five by one row, two in five by two
    shares = torch.bincount(empty) / len(empty)
    torch.testing.assert_close(shares, torch.tensor([0.2, 0.4, 0.4]), atol=0.04, rtol=0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cutout_blanks_one_rectangle_and_nothing_else(shape):
    n, _, height, width = shape
    images, draws = pictures(shape), numbers("cutout", n)
    out = cutout(images, draws)
    for i in range(n):
        blank = torch.zeros(height, width, dtype=torch.bool)
        tall, wide = (height + 1) // 2, (width + 1) // 2
        top = int(draws[i, 0] * (height + 1 - tall % 2)) - tall // 2
        left = int(draws[i, 1] * (width + 1 - wide % 2)) - wide // 2
        blank[max(top, 0) : max(top + tall, 0), max(left, 0) : max(left + wide, 0)] = True
        assert blank.any()
        assert (out[i][:, blank] == 0).all()
        assert torch.equal(out[i][:, ~blank], images[i][:, ~blank])


def test_cutout_is_as_often_at_every_edge():
    """The square is centred anywhere, so the corners are blank as often as each other, the middle more often."""
    blank = (cutout(torch.ones(8000, 1, 8, 8), numbers("cutout", 8000)) == 0).float().mean(0)[0]
    corners = blank[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert float(corners.max() - corners.min()) < 0.03
    assert float(blank[4, 4]) > 1.5 * float(corners.max())


def test_policies_follow_each_other_in_the_given_order():
    images, both = pictures((4, 3, 8, 8)), find_policies(["cutout", "colour"])
    draws = uniforms(4, both, torch.Generator().manual_seed(0))
    assert draws.shape == (4, 5)
    expected = colour(cutout(images, draws[:, :2]), draws[:, 2:])
    assert torch.equal(augment(images, draws, both), expected)


def test_no_policies_change_nothing():
    images = pictures((2, 3, 4, 4))
    assert torch.equal(augment(images, uniforms(2, [], torch.Generator()), []), images)


def test_says_what_is_wrong():
    with pytest.raises(UserError, match="objective.augmentation.*'color'.*Did you mean 'colour'"):
        find_policies(["translation", "color"])
    policies = find_policies(["colour"])
    with pytest.raises(UserError, match=r"objective.augmentation.*\(2,\)"):
        augment(torch.ones(3, 2), uniforms(3, policies, torch.Generator()), policies)
