"""The sketch keeps squared distances on average, and little else would do."""

from __future__ import annotations

import torch

from allmodes.core.seeding import stream
from allmodes.distances.sketch import sketch


def test_squared_distances_are_kept_within_their_spread():
    x, y = torch.randn(2, 400, 5_000, generator=stream(0, "points"))
    ratio = (sketch(x, 200) - sketch(y, 200)).square().sum(1) / (x - y).square().sum(1)
    assert abs(float(ratio.mean()) - 1) < 0.02
    assert abs(float(ratio.std()) / (2 / 200) ** 0.5 - 1) < 0.2


def test_it_is_linear_and_the_same_for_every_batch():
    x, y = torch.randn(2, 7, 1_003, generator=stream(1, "points"))
    torch.testing.assert_close(sketch(x - 3 * y, 64), sketch(x, 64) - 3 * sketch(y, 64), rtol=1e-4, atol=1e-4)
    assert torch.equal(sketch(x, 64)[2:3], sketch(x[2:3], 64))


def test_what_is_small_already_stays_as_it_is():
    x = torch.randn(3, 10, generator=stream(2, "points"))
    assert sketch(x, 10) is x
