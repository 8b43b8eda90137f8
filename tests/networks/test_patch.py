"""The discriminator of pairs: inputs reach it, whatever their kind and size, and a score sees its own patch alone."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from allmodes.core.errors import UserError
from allmodes.networks.discriminators.convolutional import Convolutional
from allmodes.networks.discriminators.patch import Patch


def draws(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def patch(shape: tuple[int, ...] = (3, 32, 32), **options) -> Patch:
    torch.manual_seed(0)
    return Patch(shape, width=4, **options)


def test_small_inputs_are_seen_at_the_size_of_images():
    x, y = draws(2, 3, 32, 32), draws(2, 1, 8, 8, seed=2)
    inputs = y.double()
    expected = torch.cat([x, F.interpolate(inputs, (32, 32), mode="bilinear").float()], 1)
    assert torch.allclose(patch(inputs=(1, 8, 8)).paired(x, y), expected, atol=1e-6)


def test_label_maps_are_seen_as_a_map_of_each_label():
    x, y = draws(2, 3, 32, 32), torch.randint(5, (2, 32, 32), generator=torch.Generator().manual_seed(0))
    paired = patch(inputs=(32, 32), labels=5).paired(x, y)
    assert paired.shape == (2, 8, 32, 32)
    assert all(torch.equal(paired[:, 3 + label], (y == label).float()) for label in range(5))


@pytest.mark.parametrize("side", [8, 32, 64])
def test_scores_depend_on_the_input_of_their_own_pair(side):
    discriminator, x = patch(inputs=(3, side, side)), draws(3, 3, 32, 32)
    y = draws(3, 3, side, side, seed=2).requires_grad_()
    scores = discriminator(x, y).scores
    assert scores.shape == (3, 16)
    (slope,) = torch.autograd.grad(scores[1].sum(), y)
    assert float(slope[1].abs().max()) > 0
    assert float(slope[[0, 2]].abs().max()) == 0


def test_a_score_sees_a_patch_of_38_pixels():
    discriminator, x = patch((1, 64, 64), layers=3), draws(1, 1, 64, 64).requires_grad_()
    scores = discriminator(x).scores.view(8, 8)
    (slope,) = torch.autograd.grad(scores[4, 4], x)
    rows = slope[0, 0].abs().sum(1).nonzero()[:, 0]
    assert int(rows.max() - rows.min()) + 1 == 38


def test_an_input_that_is_missing_or_not_wanted_is_refused():
    x, y = draws(2, 3, 32, 32), draws(2, 3, 8, 8)
    with pytest.raises(UserError, match="'patch' judges images with their inputs: give one for each"):
        patch(inputs=(3, 8, 8))(x)
    for alone in (patch(), Convolutional((3, 32, 32), width=4)):
        with pytest.raises(UserError, match="takes no condition"):
            alone(x, y)


def test_label_maps_without_the_number_of_labels_are_refused():
    with pytest.raises(UserError, match="sees label maps: say how many labels there are"):
        patch(inputs=(32, 32))
