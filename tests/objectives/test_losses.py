"""Adversarial losses and penalties against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.networks.discriminators.auto_encoder import DenseAutoEncoder
from allmodes.networks.discriminators.toy_mlp import ToyMLP
from allmodes.networks.generators.toy_mlp import ToyMLP as MadeByToyMLP
from allmodes.objectives.gan import Gan
from allmodes.objectives.losses.base import AdversarialLoss, squared_gradient
from allmodes.objectives.losses.began import Began
from allmodes.objectives.losses.dragan import Dragan
from allmodes.objectives.losses.hinge import Hinge
from allmodes.objectives.losses.least_squares import LeastSquares
from allmodes.objectives.losses.minimax import Minimax
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.losses.relativistic import Relativistic
from allmodes.objectives.losses.wasserstein import Wasserstein
from allmodes.objectives.losses.wasserstein_clipped import WassersteinClipped
from allmodes.objectives.terms import Adversary, Step
from allmodes.priors.gaussian import Gaussian

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


@pytest.mark.parametrize("loss", [Relativistic, NonSaturating])
def test_penalties_at_both_and_at_real_images_alone_in_closed_form(loss):
    real, fake = [[1.0, 2.0], [0.5, -1.0]], [[3.0, 0.0], [-2.0, 4.0]]
    images = torch.tensor([*real, *fake], dtype=torch.float64, requires_grad=True)
    scores = images.pow(3).sum(1) / 3  # the gradient of a score is the square of its image
    r1, r2 = (0.5 * 3.0 * sum(x**4 + y**4 for x, y in side) / 2 for side in (real, fake))
    assert loss(gamma=3.0, every=4).penalty(scores, images).item() == pytest.approx(4 * (r1 + r2))
    alone = loss(gamma=3.0, every=8, where="real").penalty(images.pow(3).sum(1) / 3, images)
    assert alone.item() == pytest.approx(8 * r1)
    (slope,) = torch.autograd.grad(alone, images)
    torch.testing.assert_close(slope[:2], 8 * 0.5 * 3.0 / 2 * 4 * images[:2].detach() ** 3)
    assert slope[2:].abs().max() == 0


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


REAL, FAKE = (1.0, -0.5), (-2.0, 0.25)
# per loss: each player's loss at these scores, and its slopes by them, by hand
AT_A_POINT = {
    "minimax": (
        Minimax(),
        -sum(math.log(sigmoid(x)) for x in REAL) / 2 - sum(math.log(1 - sigmoid(x)) for x in FAKE) / 2,
        [(sigmoid(x) - 1) / 2 for x in REAL] + [sigmoid(x) / 2 for x in FAKE],
        sum(math.log(1 - sigmoid(x)) for x in FAKE) / 2,
        [-sigmoid(x) / 2 for x in FAKE],
    ),
    "least-squares": (
        LeastSquares(a=-1.0, b=1.5, c=0.5),
        (0.25 + 4.0 + 1.0 + 1.5625) / 4,
        [-0.25, -1.0, -0.5, 0.625],
        (6.25 + 0.0625) / 4,
        [-1.25, -0.125],
    ),
    "wasserstein-clipped": (WassersteinClipped(), -0.875 - 0.25, [-0.5, -0.5, 0.5, 0.5], 0.875, [-0.5, -0.5]),
    "dragan": (
        Dragan(),
        sum(softplus(-x) for x in REAL) / 2 + sum(softplus(x) for x in FAKE) / 2,
        [(sigmoid(x) - 1) / 2 for x in REAL] + [sigmoid(x) / 2 for x in FAKE],
        sum(softplus(-x) for x in FAKE) / 2,
        [(sigmoid(x) - 1) / 2 for x in FAKE],
    ),
}


@pytest.mark.parametrize(("loss", "ours", "by_both", "generators", "by_fake"), AT_A_POINT.values(), ids=AT_A_POINT)
def test_value_and_slope_at_a_point(loss, ours, by_both, generators, by_fake):
    real, fake = (torch.tensor(scores, dtype=torch.float64, requires_grad=True) for scores in (REAL, FAKE))
    value = loss.discriminator(real, fake)
    assert value.item() == pytest.approx(ours)
    slopes = torch.cat(torch.autograd.grad(value, [real, fake]))
    torch.testing.assert_close(slopes, torch.tensor(by_both, dtype=torch.float64))
    value = loss.generator(real, fake)
    assert value.item() == pytest.approx(generators)
    (slope,) = torch.autograd.grad(value, fake)
    torch.testing.assert_close(slope, torch.tensor(by_fake, dtype=torch.float64))


def test_minimax_saturates_where_the_other_loss_does_not():
    fake = torch.tensor([-12.0], requires_grad=True)
    (saturated,) = torch.autograd.grad(Minimax().generator(fake, fake), fake)
    (steep,) = torch.autograd.grad(NonSaturating().generator(fake, fake), fake)
    assert saturated.item() == pytest.approx(-math.exp(-12.0), rel=1e-4)
    assert steep.item() == pytest.approx(-1.0, rel=1e-4)


def test_targets_of_least_squares_must_differ():
    with pytest.raises(UserError, match=r"'loss\.a' is 1"):
        LeastSquares(a=1.0)


def moment() -> Moment:
    return Moment(0, 0.0, 0, 64, torch.device("cpu"), Alone(), lambda ahead: pytest.fail("no batch is needed"))


def test_dragan_looks_around_real_images_no_farther_than_half_their_deviation():
    real = torch.randn(2000, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 5
    moved = Dragan().points(real, torch.full_like(real, torch.nan), moment()) - real
    reach = real.double().std() / 2
    assert 0 <= float(moved.min()) < 0.01
    assert 0.9 * reach < float(moved.max()) < reach
    # a share a and noise u, both uniform and independent: the mean of a u is 1/4, that of their squares 1/9
    assert float(moved.mean() / reach) == pytest.approx(1 / 4, abs=0.01)
    assert float((moved / reach).square().mean()) == pytest.approx(1 / 9, abs=0.01)
    # a share is the image's, noise the pixel's: means of images differ much more than those of 48 free numbers
    assert float((moved / reach).flatten(1).mean(1).std()) == pytest.approx(12**-0.5 / 2, abs=0.02)


def test_dragan_penalises_slopes_that_are_not_one():
    images = torch.randn(6, 2, requires_grad=True)
    slope_of_five = images @ torch.tensor([3.0, 4.0])
    assert Dragan(gamma=10.0, every=2).penalty(slope_of_five, images).item() == pytest.approx(10 * 2 * 16)


def test_weights_are_clipped_before_every_judgement_and_those_that_are_not_trained_are_left():
    critic = ToyMLP((2,), width=8)
    critic.layers[1].weight.requires_grad_(False)
    kept = critic.layers[1].weight.clone()
    before = [weights.detach().clone() for weights in critic.parameters()]
    points = torch.randn(4, 2)
    step = Step(Batch(points, torch.arange(4)), moment(), generator=None, prior=None, latents=None)
    seen = Adversary(critic, WassersteinClipped(clip=0.05)).judge(points, step, "generator")
    for weights, old in zip(critic.parameters(), before, strict=True):
        expected = old.clamp(-0.05, 0.05) if weights.requires_grad else old
        assert torch.equal(weights, expected)
    assert torch.equal(critic.layers[1].weight, kept)
    assert float(kept.abs().max()) > 0.05
    torch.testing.assert_close(seen.judgement.scores, critic(points).scores)
    with pytest.raises(UserError, match=r"'loss\.clip' is 0"):
        WassersteinClipped(clip=0.0)


def test_began_weighs_samples_by_its_controller():
    """Scores are minus errors: L(x) = 0.8 and L(G(z)) = 0.3 on average."""
    loss, alone = Began(diversity=0.5, rate=0.1), Alone()
    real, fake = torch.tensor([-0.6, -1.0]), torch.tensor([-0.2, -0.4], requires_grad=True)
    assert loss.discriminator(real, fake).item() == pytest.approx(0.8)
    assert loss.generator(real, fake).item() == pytest.approx(0.3)
    found = loss.control(real, fake.detach(), alone)
    assert float(found["k"]) == pytest.approx(0.1 * (0.5 * 0.8 - 0.3))
    assert float(found["convergence"]) == pytest.approx(0.8 + abs(0.5 * 0.8 - 0.3))
    value = loss.discriminator(real, fake)
    assert value.item() == pytest.approx(0.8 - 0.01 * 0.3)
    (slope,) = torch.autograd.grad(value, fake)
    torch.testing.assert_close(slope, torch.tensor([0.005, 0.005]))
    again = Began(diversity=0.5, rate=0.1)
    again.load_state_dict(loss.state_dict())
    assert again.discriminator(real, fake).item() == pytest.approx(0.8 - 0.01 * 0.3)


def test_the_controller_of_began_is_one_for_all_processes_and_survives_a_checkpoint():
    class Both(Alone):
        """This process's scores are of error 0.8 and 0.3, those of the other of 0.4 and 0.1."""

        def gather(self, tensor: torch.Tensor) -> torch.Tensor:
            return torch.stack([tensor, torch.tensor([-0.4, -0.1])])

    def method() -> Gan:
        return Gan(MadeByToyMLP((2,), 2), Gaussian(dim=2), discriminator=DenseAutoEncoder((2,)), loss=Began(rate=0.1))

    first, second = method(), method()
    loss = first.terms[0].adversary.loss
    loss.control(torch.tensor([-0.8]), torch.tensor([-0.3]), Both())
    assert float(loss.k) == pytest.approx(0.1 * (0.5 * 0.6 - 0.2))
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.terms[0].adversary.loss.k, loss.k)


def test_the_controller_of_began_stays_between_0_and_1():
    loss, good, bad = Began(rate=10.0), -torch.full((4,), 0.1), -torch.ones(4)
    assert float(loss.control(good, bad, Alone())["k"]) == 0.0  # 10 (0.05 - 1)
    assert float(loss.control(bad, good, Alone())["k"]) == 1.0  # 10 (0.5 - 0.1)
    for option in ({"diversity": 0.0}, {"diversity": 1.5}, {"rate": 0.0}):
        with pytest.raises(UserError, match=r"'loss\.diversity'"):
            Began(**option)


def test_began_is_for_autoencoders():
    Adversary(DenseAutoEncoder((2,)), Began())
    with pytest.raises(UserError, match="--discriminator auto-encoder"):
        Adversary(ToyMLP((2,)), Began())


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
        fake = torch.full((8,), 0.5, requires_grad=True)
        real, loss = torch.zeros(8), cls()
        loss.control(real - 1, real, Alone())  # the controller of BEGAN begins with no pull
        (down,) = torch.autograd.grad(loss.discriminator(real, fake), fake)
        (up,) = torch.autograd.grad(loss.generator(real, fake), fake)
        assert (down > 0).all()
        assert (up < 0).all()

    def test_lazy_penalty(self, cls):
        assert not cls(gamma=0.0).penalised(0)
        assert [cls(gamma=1.0, every=3).penalised(step) for step in range(4)] == [True, False, False, True]
        with pytest.raises(UserError, match="loss.gamma"):
            cls(gamma=-1.0)
