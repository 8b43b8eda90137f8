"""What images are degraded to: as Pillow degrades them, the same in any batch, and refused where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from allmodes.core.errors import UserError
from allmodes.data.base import Dataset
from allmodes.data.degradations.downsample import Downsample
from allmodes.data.degradations.grey import Grey
from allmodes.data.degradations.hole import Hole
from allmodes.data.degradations.noise import Noisy
from allmodes.data.degraded import Degraded
from allmodes.data.fixed import FixedImages
from allmodes.data.pixels import to_float, to_uint8

ROWS = torch.arange(6)


@pytest.fixture
def images() -> Tensor:
    """Smooth ones, of all brightnesses."""
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(6, 3, 6, 6, generator=rng)
    fine = torch.nn.functional.interpolate(coarse, 24, mode="bicubic").clamp(0, 1)
    return to_float((fine * 255).round().byte())


def pillow(image: Tensor) -> Image.Image:
    return Image.fromarray(to_uint8(image[None])[0].permute(1, 2, 0).numpy())


class Few(FixedImages):
    """Images with a test split."""

    name = "few"

    def __init__(self, images: Tensor, test: Tensor) -> None:
        super().__init__(to_uint8(images), None, "few")
        self._test = test

    @property
    def test_images(self) -> Tensor:
        return self._test


def test_small_pictures_are_those_of_pillow(images):
    small = to_uint8(Downsample(factor=4)(images, ROWS))
    for ours, image in zip(small, images, strict=True):
        theirs = np.asarray(pillow(image).resize((6, 6), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
        apart = np.abs(ours.numpy().astype(int) - theirs)
        assert apart.max() <= 2  # Pillow rounds after each of two passes
        assert apart.mean() < 0.2


def test_grey_pictures_are_those_of_pillow(images):
    grey = to_uint8(Grey()(images, ROWS))
    for ours, image in zip(grey, images, strict=True):
        assert np.abs(ours[0].numpy().astype(int) - np.asarray(pillow(image).convert("L"))).max() <= 1


def test_a_hole_is_a_square_of_its_share_and_all_else_is_kept(images):
    holed = Hole(share=0.25)(images, ROWS)
    for given, image in zip(holed, images, strict=True):
        inside = given[3] > 0
        rows, columns = torch.nonzero(inside.any(1)).flatten(), torch.nonzero(inside.any(0)).flatten()
        assert len(rows) == len(columns) == 6
        assert inside.sum() == 36
        assert torch.equal(given[:3, ~inside], image[:, ~inside])
        assert given[:3, inside].abs().max() < 0.01  # mid-grey
    assert len({tuple(given[3].flatten().tolist()) for given in holed}) > 1  # at places of their own


def test_noise_has_the_deviation_that_was_asked_for():
    grey = torch.zeros(200, 1, 16, 16)
    noise = (Noisy(sigma=20.0)(grey, torch.arange(200)) * 127.5).flatten()
    assert noise.std() == pytest.approx(20, rel=0.02)
    assert abs(noise.mean()) < 0.5


@pytest.mark.parametrize("degradation", [Downsample(factor=2), Grey(), Hole(), Noisy()], ids=lambda one: one.name)
class TestEveryDegradation:
    def test_an_input_has_the_shape_that_was_said_and_values_of_a_picture_file(self, degradation, images):
        inputs = degradation(images, ROWS)
        assert inputs.shape == (6, *degradation.input_shape((3, 24, 24)))
        assert torch.equal(to_float(to_uint8(inputs)), inputs)

    def test_what_it_makes_of_an_image_depends_on_that_image_alone(self, degradation, images):
        some = torch.tensor([4, 1])
        assert torch.equal(degradation(images[some], ROWS[some]), degradation(images, ROWS)[some])

    def test_points_are_refused(self, degradation):
        with pytest.raises(UserError):
            degradation.input_shape((2,))


class TestDegraded:
    def made(self, images: Tensor) -> tuple[Dataset, Degraded]:
        few = Few(images[:4], images[4:])
        return few, Degraded(few, Hole(), "hole")

    def test_every_image_comes_with_its_input_and_no_bit_of_it_changes(self, images):
        few, degraded = self.made(images)
        plain, batch = few.batch(3, 4, 7), degraded.batch(3, 4, 7)
        assert torch.equal(plain.images, batch.images)
        assert torch.equal(plain.index, batch.index)
        assert batch.inputs is not None
        assert torch.equal(batch.inputs, Hole()(plain.images, plain.index))
        assert degraded.input_shape == batch.inputs.shape[1:]
        assert degraded.fingerprint != few.fingerprint

    def test_an_image_has_the_same_input_whenever_it_comes(self, images):
        degraded = self.made(images)[1]
        seen: dict[int, Tensor] = {}
        for number in range(6):
            batch = degraded.batch(number, 3, 0)
            for index, given in zip(batch.index.tolist(), batch.inputs, strict=True):
                assert torch.equal(seen.setdefault(index, given), given)

    def test_unseen_images_have_inputs_of_their_own(self, images):
        test = self.made(images)[1].unseen("test")
        assert torch.equal(test.images, images[4:])
        assert test.inputs.shape == (2, 4, 24, 24)
        assert not torch.equal(test.inputs[:, 3], Hole()(images[4:], torch.arange(2))[:, 3])  # not those of training

    @pytest.mark.parametrize("factor", [1, 0])
    def test_a_factor_that_enlarges_nothing_is_refused(self, factor):
        with pytest.raises(UserError, match=r"degradation\.factor"):
            Downsample(factor=factor)

    def test_a_factor_that_does_not_divide_is_refused(self):
        with pytest.raises(UserError, match=r"5, which does not divide .*\(3, 24, 24\)"):
            Downsample(factor=5).input_shape((3, 24, 24))

    def test_grey_pictures_have_no_colour_to_take(self):
        with pytest.raises(UserError, match="grey"):
            Grey().input_shape((1, 8, 8))

    @pytest.mark.parametrize(
        ("kind", "option", "value"),
        [(Hole, "share", 0.0), (Hole, "share", 1.0), (Noisy, "sigma", 0.0), (Noisy, "sigma", float("inf"))],
    )
    def test_a_degradation_that_does_nothing_or_all_is_refused(self, kind, option, value):
        with pytest.raises(UserError, match=rf"degradation\.{option}"):
            kind(**{option: value})
