"""Triangles are drawn as polygons are, and the distance from all of them is found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.path import Path as Polygon

from allmodes.data.triangles import (
    LEAST,
    MOST,
    RADIUS,
    SIDE,
    THIRDS,
    TURN,
    Triangles,
    allowed,
    draw,
    nearest_triangles,
)


def some_angles(count: int, seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    within = LEAST + (MOST - LEAST) * torch.rand(count, 3, generator=rng)
    return within + TURN * torch.rand(count, 1, generator=rng) + THIRDS


def supersampled(angles: np.ndarray, fine: int = 16) -> np.ndarray:
    """The share of each pixel outside, from points inside a polygon of another package."""
    corners = RADIUS * np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], 1)
    corners += SIDE / 2 - corners.mean(0)
    line = (np.arange(SIDE * fine) + 0.5) / fine
    points = np.stack(np.meshgrid(line, line), 2).reshape(-1, 2)
    inside = Polygon(corners).contains_points(points).reshape(SIDE, fine, SIDE, fine)
    return 1 - inside.mean((1, 3))


def test_drawn_as_a_polygon_is() -> None:
    angles = some_angles(5, seed=0)
    for one, drawn in zip(angles.numpy(), draw(angles).numpy(), strict=True):
        assert np.abs(drawn - supersampled(one)).max() < 0.1
        assert drawn.mean() == pytest.approx(supersampled(one).mean(), abs=1e-3)


def test_the_data_are_on_the_manifold_and_test_images_are_others() -> None:
    data = Triangles()
    assert data.shape == (1, SIDE, SIDE)
    assert len(data) == 60_000
    assert len(data.test_images) == 10_000
    gaps = nearest_triangles((data.test_images[:300, 0] + 1) / 2)
    assert gaps.median() < 0.02  # what eight bits leave
    assert gaps.max() < 0.5


def test_allowed_angles_stay_and_others_become_allowed() -> None:
    angles = some_angles(500, seed=1)
    torch.testing.assert_close(allowed(angles), angles)
    moved = allowed(angles + 60 * torch.randn(500, 3, generator=torch.Generator().manual_seed(2)))
    torch.testing.assert_close(allowed(moved), moved)


def test_the_distance_of_noise_is_its_length() -> None:
    rng = torch.Generator().manual_seed(3)
    noise = 0.02 * torch.randn(100, SIDE, SIDE, generator=rng)
    gaps = nearest_triangles(draw(some_angles(100, seed=4)) + noise)
    assert gaps.mean() == pytest.approx(float(noise.flatten(1).norm(dim=1).mean()), rel=0.02)


def test_no_triangle_is_much_nearer_than_the_nearest() -> None:
    squares = torch.ones(3, SIDE, SIDE)
    for number, half in enumerate((4, 6, 9)):
        squares[number, 14 - half : 14 + half, 14 - half : 14 + half] = 0
    tried = draw(some_angles(20_000, seed=5)).flatten(1)
    best = torch.cdist(squares.flatten(1), tried).amin(1)
    assert (nearest_triangles(squares) <= 1.01 * best).all()
