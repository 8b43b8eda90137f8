"""The generator of the Unrolled GAN sees through the discriminator's next steps, exactly."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from turns import step_of, turn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.networks.base import Discriminator
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.objectives.gan import Gan
from allmodes.objectives.losses.hinge import Hinge
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.losses.wasserstein_clipped import WassersteinClipped
from allmodes.objectives.unrolled_gan import UnrolledGan
from allmodes.priors.gaussian import Gaussian

B, D = 5, 3


class Linear(Discriminator):
    """w x."""

    name = "linear"

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(D, 1, bias=False)
        with torch.no_grad():
            self.score.weight.copy_(torch.tensor([[0.1, -0.2, 0.05]]))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images


def moment() -> Moment:
    return Moment(0, 0.0, 0, B, torch.device("cpu"), Alone(), lambda ahead: Batch(points(0), torch.arange(B)))


def points(seed: int) -> torch.Tensor:
    return torch.rand(B, D, generator=torch.Generator().manual_seed(seed))


def method(unroll: int, rate: float = 0.05, *, loss=None) -> UnrolledGan:
    parts = ToyMLP((D,), 2, width=4), Gaussian(dim=2)
    return UnrolledGan(*parts, discriminator=Linear(), loss=loss or Hinge(), unroll=unroll, rate=rate)


@pytest.mark.parametrize("unroll", [0, 1, 4])
def test_a_linear_discriminator_in_closed_form(unroll: int) -> None:
    """Within the margins L_D has the slope g - x (means), so w_K = w - K eta (g - x), and L_G = -w_K g."""
    unrolled, real, fake = method(unroll), points(0), points(1).requires_grad_()
    loss = turn(unrolled, "generator", step_of(unrolled, real, fake, moment())).value
    loss.backward()
    w, x, g = unrolled.discriminator.score.weight.detach()[0], real.mean(0), fake.detach().mean(0)
    far = unroll * 0.05
    assert float(loss.detach()) == pytest.approx(float(-(w - far * (g - x)) @ g), rel=1e-5)
    torch.testing.assert_close(fake.grad, ((-w + far * (2 * g - x)) / B).expand(B, D))
    assert unrolled.discriminator.score.weight.grad is None


def test_weights_stay_within_the_bound_of_the_loss_in_every_step() -> None:
    unrolled, real, fake = method(3, 1.0, loss=WassersteinClipped(clip=0.12)), points(0), points(1)
    w, slope = unrolled.discriminator.score.weight.detach()[0].clone(), fake.mean(0) - real.mean(0)
    loss = turn(unrolled, "generator", step_of(unrolled, real, fake, moment())).value
    w = w.clamp(-0.12, 0.12)
    assert torch.equal(unrolled.discriminator.score.weight.detach()[0], w)
    for _ in range(3):
        w = (w - slope).clamp(-0.12, 0.12)
    assert float(w.abs().max()) == pytest.approx(0.12)
    assert float(loss.detach()) == pytest.approx(float(-w @ fake.mean(0)), rel=1e-5)


def test_without_steps_it_is_the_gan() -> None:
    unrolled = method(0, loss=NonSaturating())
    plain = Gan(unrolled.generator, unrolled.prior, discriminator=unrolled.discriminator, loss=NonSaturating())
    slopes = []
    for each in (unrolled, plain):
        fake = points(1).requires_grad_()
        one = step_of(each, points(0), fake, moment())
        turn(each, "discriminator", one)
        turn(each, "generator", one).value.backward()
        slopes.append(fake.grad)
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize(("unroll", "rate"), [(-1, 0.1), (1, 0.0)])
def test_steps_make_sense(unroll: int, rate: float) -> None:
    with pytest.raises(UserError, match=r"objective\.unroll"):
        method(unroll, rate)
