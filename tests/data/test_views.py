"""Views: what they do to the places of an image, and that networks learn through them."""

from __future__ import annotations

import math

import pytest
import torch

from allmodes.core.errors import UserError
from allmodes.data.augmentation import find_policies
from allmodes.data.views import VIEWS, affine


def spot(x: float, y: float, side: int = 41) -> torch.Tensor:
    """An image of a blurred spot at a place in [-1, 1], right and down."""
    at = (torch.arange(side) + 0.5) / side * 2 - 1
    return torch.exp(-((at[None] - x).square() + (at[:, None] - y).square()) / 0.01)[None, None]


def centre(image: torch.Tensor) -> tuple[float, float]:
    side = image.shape[-1]
    at = (torch.arange(side) + 0.5) / side * 2 - 1
    mass = image.sum()
    return float((image[0, 0].sum(0) * at).sum() / mass), float((image[0, 0].sum(1) * at).sum() / mass)


def draws(**changed: float) -> torch.Tensor:
    """The numbers that change nothing, but for some: 0 and 1 are the ends of a range."""
    names = ("turn", "wide", "high", "shear", "down", "right")
    return torch.tensor([[changed.get(name, 0.5) for name in names]])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (0.4, -0.2)),
        ({"right": 0.0}, (0.6, -0.2)),  # a tenth of the side is 0.2 of its two units
        ({"down": 1.0}, (0.4, -0.4)),
        ({"wide": 0.0}, (0.4 / 0.85, -0.2)),
        ({"high": 1.0}, (0.4, -0.2 / 1.15)),
        ({"shear": 0.0}, (0.4 - 0.15 * 0.2, -0.2)),
    ],
)
def test_each_number_does_its_part(changed: dict[str, float], expected: tuple[float, float]) -> None:
    assert centre(affine(spot(0.4, -0.2), draws(**changed))) == pytest.approx(expected, abs=0.01)


def test_a_turn_keeps_the_distance_from_the_middle() -> None:
    x, y = centre(affine(spot(0.4, -0.2), draws(turn=1.0)))
    assert math.hypot(x, y) == pytest.approx(math.hypot(0.4, 0.2), abs=0.01)
    turned = math.degrees(math.atan2(y, x) - math.atan2(-0.2, 0.4))
    assert abs(turned) == pytest.approx(15, abs=1.5)


def test_the_edge_goes_on_and_values_stay_in_range() -> None:
    images = torch.full((8, 3, 9, 12), -1.0)
    torch.testing.assert_close(affine(images, torch.rand(8, 6)), images)


def test_an_image_changes_by_its_own_numbers_and_gradients_flow() -> None:
    images, numbers = torch.rand(4, 1, 9, 9).requires_grad_(), torch.rand(4, 6)
    together = affine(images, numbers)
    torch.testing.assert_close(together[2:3], affine(images[2:3], numbers[2:3]))
    torch.testing.assert_close(affine(images, numbers, strength=0.0), images)
    together.sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_an_unknown_view_is_named() -> None:
    with pytest.raises(UserError, match="'objective.views': 'afine' is no policy. Did you mean 'affine'"):
        find_policies(["afine"], VIEWS, "views")
