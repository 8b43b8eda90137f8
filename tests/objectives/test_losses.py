"""Adversarial losses and penalties against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.objectives.losses.base import AdversarialLoss, squared_gradient
from allmodes.objectives.losses.hinge import Hinge
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.losses.relativistic import Relativistic
from allmodes.objectives.losses.wasserstein import Wasserstein

LOSSES = entries("allmodes.objectives.losses", AdversarialLoss)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_non_saturating_closed_form():
    real, fake = torch.tensor([1.0]), torch.tensor([-2.0])
    assert NonSaturating().discriminator(real, fake).item() == pytest.approx(softplus(-1) + softplus(-2))
    assert NonSaturating().generator(real, fake).item() == pytest.approx(softplus(2))


def test_hinge_closed_form_and_no_gradient_beyond_the_margin():
    real, fake = torch.tensor([0.25, 2.0], requires_grad=True), torch.tensor([-0.5, -3.0], requires_grad=True)
    loss = Hinge().discriminator(real, fake)
    assert loss.item() == pytest.approx(0.75 / 2 + 0.5 / 2)
    assert Hinge().generator(real, fake).item() == pytest.approx(1.75)
    by_real, by_fake = torch.autograd.grad(loss, [real, fake])
    assert by_real.tolist() == [-0.5, 0.0]
    assert by_fake.tolist() == [0.5, 0.0]


def test_relativistic_closed_form_and_zero_sum_gradient():
    real, fake = torch.tensor([0.5], requires_grad=True), torch.tensor([0.2], requires_grad=True)
    loss = Relativistic()
    assert loss.discriminator(real, fake).item() == pytest.approx(softplus(-0.3))
    assert loss.generator(real, fake).item() == pytest.approx(softplus(0.3))
    gradients = torch.autograd.grad(loss.discriminator(real, fake), [real, fake])
    assert gradients[0].item() == pytest.approx(-gradients[1].item())


def test_wasserstein_closed_form_and_its_penalty_of_a_linear_critic():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-2.0, 0.5])
    assert Wasserstein().discriminator(real, fake).item() == pytest.approx(-0.75 - 2.0)
    assert Wasserstein().generator(real, fake).item() == pytest.approx(0.75)
    images = torch.randn(6, 2, requires_grad=True)
    slope_of_five, slope_of_one = (images @ torch.tensor(weight) for weight in ([3.0, 4.0], [0.6, 0.8]))
    assert Wasserstein(gamma=10.0, every=2).penalty(slope_of_five, images).item() == pytest.approx(10 * 2 * 16)
    assert Wasserstein().penalty(slope_of_one, images).item() == pytest.approx(0.0, abs=1e-8)
    flat = Wasserstein().penalty((images * 0).sum(1), images)
    assert flat.item() == pytest.approx(10.0, rel=1e-4)  # no slope at all, and a finite gradient
    weight = torch.zeros(2, requires_grad=True)
    Wasserstein().penalty(images @ weight, images).backward()
    assert torch.isfinite(weight.grad).all()


def test_penalty_of_a_linear_discriminator():
    weight = torch.tensor([3.0, 4.0])
    images = torch.randn(6, 2, requires_grad=True)
    scores = images @ weight
    torch.testing.assert_close(squared_gradient(scores, images), torch.full((6,), 25.0))
    # R1 + R2 = gamma/2 (25 + 25), times 4 as it is paid every 4th step
    assert Relativistic(gamma=0.5, every=4).penalty(scores, images).item() == pytest.approx(0.5 * 4 * 25)


@pytest.mark.parametrize("cls", LOSSES.values(), ids=LOSSES.keys())
class TestEveryLoss:
    def test_players_pull_in_opposite_directions(self, cls):
        fake = torch.zeros(8, requires_grad=True)
        real = torch.zeros(8)
        (down,) = torch.autograd.grad(cls().discriminator(real, fake), fake)
        (up,) = torch.autograd.grad(cls().generator(real, fake), fake)
        assert (down > 0).all()
        assert (up < 0).all()

    def test_lazy_penalty(self, cls):
        assert not cls(gamma=0.0).penalised(0)
        assert [cls(gamma=1.0, every=3).penalised(step) for step in range(4)] == [True, False, False, True]
        with pytest.raises(UserError, match="loss.gamma"):
            cls(gamma=-1.0)
