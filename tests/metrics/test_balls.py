"""Balls hold what float64 says that they hold: at any offset, scale and spread, and to the last tie."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from allmodes.matching.one_to_one import assigned
from allmodes.metrics import density_coverage, neighbourhood, precision_recall
from allmodes.metrics.neighbourhood import near_pairs


@pytest.fixture(autouse=True, scope="module", params=[False, True], ids=["float32", "bfloat16"])
def products(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything holds whichever numbers bounds are multiplied in; in few dimensions they would be float32."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbourhood, "has_bfloat16", lambda: request.param)
        patch.setattr(neighbourhood, "WIDE", 1)
        yield


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def clusters(n: int, dim: int, *, apart: float, width: float) -> tuple[Tensor, Tensor]:
    centres = apart * normal(50, dim)[torch.arange(n) % 50]
    return centres + width * normal(n, dim, seed=1), centres + width * normal(n, dim, seed=2)


def distances(a: Tensor, b: Tensor) -> Tensor:
    """By differences in float64."""
    return torch.stack([(b.double() - row.double()).norm(dim=1) for row in a])


def brute_force(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    ours, theirs = (distances(side, side).sort(1).values[:, k] for side in (real, fake))
    across = distances(real, fake)
    return {
        "density": float((across <= ours[:, None]).sum()) / (k * len(fake)),
        "coverage": float((across <= ours[:, None]).any(1).double().mean()),
        "precision": float((across <= ours[:, None]).any(0).double().mean()),
        "recall": float((across <= theirs).any(1).double().mean()),
    }


def measured(real: Tensor, fake: Tensor, k: int) -> dict[str, float]:
    return {
        score.name: score.value for score in (*density_coverage(real, fake, k=k), *precision_recall(real, fake, k=k))
    }


CASES = {
    "clusters far apart against their width": clusters(500, 3, apart=4e6, width=10),
    "clusters in 32 dimensions": clusters(500, 32, apart=1e4, width=0.1),
    "small numbers": (1e-5 * normal(300, 16), 1e-5 * normal(300, 16, seed=1)),
    "squares below float32": (1e-25 * normal(300, 16), 1e-25 * normal(300, 16, seed=1)),
    "squares above float32": (1e25 * normal(300, 16), 1e25 * normal(300, 16, seed=1)),
    "an offset": (normal(300, 16) + 1e5, normal(300, 16, seed=1) + 1e5),
    "float64": (normal(300, 16).double() + 1e9, normal(300, 16, seed=1).double() + 1e9),
}


@pytest.mark.parametrize("name", CASES)
def test_figures_are_those_of_float64(name):
    assert measured(*CASES[name], 5) == pytest.approx(brute_force(*CASES[name], 5))


@settings(max_examples=10, deadline=None)
@given(st.integers(-6, 6), st.sampled_from([0.0, 1.0, -1e3, 1e6]))
def test_neither_scale_nor_offset_counts(power, offset):
    real, fake = (side.double() for side in clusters(150, 4, apart=100, width=1))
    moved = [(side + offset) * 10.0**power for side in (real, fake)]
    assert measured(*moved, 3) == pytest.approx(measured(real, fake, 3))


def test_a_set_against_itself():
    rows = normal(50, 8)[torch.arange(400) % 50]
    found = measured(rows, rows, 5)
    assert found["coverage"] == found["precision"] == found["recall"] == 1
    assert found["density"] == 8 / 5  # each row is there eight times, and in the balls of these alone
    different = normal(200, 8)
    assert measured(different, different, 4)["density"] == pytest.approx(5 / 4)


def test_near_pairs_are_those_of_float64():
    points = clusters(300, 3, apart=4e6, width=10)[0]
    true = distances(points, points)
    bound = float(true[true > 0].quantile(0.01))
    assert near_pairs(points, bound) == int((torch.pdist(points.double()) <= bound).sum())


def test_one_to_one_sees_what_is_near_far_from_the_origin():
    examples = clusters(100, 3, apart=4e6, width=10)[0]
    order = torch.randperm(100, generator=torch.Generator().manual_seed(5))
    for scale in (1.0, 1e-20, 1e15):
        assert torch.equal(assigned(scale * examples, scale * examples[order]), order.argsort())
