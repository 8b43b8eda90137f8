"""Flow matching against closed forms: the path, the loss, the least loss there is, and the velocity that is learnt."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from turns import turn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.networks.flow import Flow
from allmodes.networks.generators.velocity_mlp import VelocityMLP
from allmodes.objectives.flow_matching import FlowMatching, passed, times_of, velocity_loss
from allmodes.objectives.terms import Step
from allmodes.priors.gaussian import Gaussian
from allmodes.training.recipe import load_recipe

SIGMA = 0.1


def points(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def step_of(method: FlowMatching, data: torch.Tensor, number: int = 0) -> Step:
    batch = Batch(data, torch.arange(len(data)))
    at = Moment(number, 0.0, 0, len(data), torch.device("cpu"), Alone(), lambda ahead: batch)
    return Step(batch, at, generator=method.generator, prior=method.prior, latents=method.latents)


class Linear(Flow):
    """v = w x + s t."""

    name = "linear-flow"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape, torch.Size(shape).numel(), steps=1, solver="euler")
        self.w, self.s = nn.Parameter(torch.tensor(0.3)), nn.Parameter(torch.tensor(-0.2))

    def velocity(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.w * x + self.s * t.view(-1, *[1] * (x.ndim - 1))


@pytest.mark.parametrize("shape", [(2,), (3, 4, 4)])
def test_the_loss_and_its_gradient_are_those_of_the_paper_for_a_linear_velocity(shape):
    flow = Linear(shape)
    method, data = FlowMatching(flow, Gaussian(dim=torch.Size(shape).numel()), sigma_min=SIGMA), points(7, *shape)
    step = step_of(method, data)
    found = turn(method, "generator", step).value
    found.backward()
    x0, x1, t = step.drawn.z.double(), data.flatten(1).double(), times_of(step).double()[:, None]
    off, slope_w, slope_s = 0.0, 0.0, 0.0
    for start, end, time in zip(x0, x1, t, strict=True):
        at = (1 - (1 - SIGMA) * time) * start + time * end
        gap = 0.3 * at - 0.2 * time - (end - (1 - SIGMA) * start)
        off, slope_w, slope_s = (
            off + gap.square().mean(),
            slope_w + 2 * (gap * at).mean(),
            slope_s + 2 * (gap * time).mean(),
        )
    expected = torch.stack([off, slope_w, slope_s]).float() / 7
    torch.testing.assert_close(torch.stack([found.detach(), flow.w.grad, flow.s.grad]), expected)


def test_the_path_leads_from_the_noise_to_the_example_and_its_slope_is_the_target():
    noise, images = points(5, 2).double(), points(5, 2, seed=1).double()
    torch.testing.assert_close(passed(noise, images, torch.zeros(5).double(), SIGMA), noise)
    torch.testing.assert_close(passed(noise, images, torch.ones(5).double(), SIGMA), images + SIGMA * noise)
    late, early = (passed(noise, images, torch.full((5,), t, dtype=torch.float64), SIGMA) for t in (0.6, 0.4))
    assert float(velocity_loss((late - early) / 0.2, noise, images, SIGMA)) < 1e-20


def test_times_are_uniform_and_new_in_every_step_and_shared_by_processes():
    method = FlowMatching(Linear((2,)), Gaussian(dim=2))
    first, second = (times_of(step_of(method, points(4_000, 2), number)) for number in (0, 1))
    assert not torch.equal(first, second)
    quantiles = first.sort().values
    assert float((quantiles - torch.linspace(0, 1, 4_000)).abs().max()) < 1.95 / 4_000**0.5  # Kolmogorov, 1 in 1,000


def test_the_velocity_learnt_between_gaussians_is_the_mean_of_all_pairs_that_pass():
    """x1 = m + s e: at x_t the mean of u is m + (t s^2 - (1 - t)) / ((1 - t)^2 + t^2 s^2) (x_t - t m)."""
    torch.manual_seed(0)
    mean, deviation = torch.tensor([1.0, -0.5]), 0.5
    flow = VelocityMLP((2,), 2, width=32, steps=10)
    method = FlowMatching(flow, Gaussian(dim=2), sigma_min=0.0)
    optimizer = torch.optim.Adam(flow.parameters(), 0.01, fused=True)
    for number in range(1_000):
        optimizer.param_groups[0]["lr"] = 0.01 * (1 - number / 1_000)
        optimizer.zero_grad()
        data = mean + deviation * points(512, 2, seed=number + 1)
        turn(method, "generator", step_of(method, data, number)).value.backward()
        optimizer.step()
    times = torch.rand(4_000, generator=torch.Generator().manual_seed(1))
    t = times[:, None]
    spread = (1 - t) ** 2 + t**2 * deviation**2
    x = t * mean + spread.sqrt() * points(4_000, 2, seed=1_001)
    exact = mean + (t * deviation**2 - (1 - t)) / spread * (x - t * mean)
    with torch.no_grad():
        off = (flow.velocity(x, times) - exact).square().mean() / exact.square().mean()
        samples = flow(points(4_000, 2, seed=1_002))
    assert float(off) < 0.004
    torch.testing.assert_close(samples.mean(0), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(samples.std(0), torch.full((2,), deviation), atol=0.04, rtol=0)


@pytest.mark.parametrize("sigma", [-0.1, 1.0])
def test_a_deviation_out_of_range_is_refused(sigma):
    with pytest.raises(UserError, match=rf"'objective.sigma_min' is {sigma}, but must be at least 0 and below 1"):
        FlowMatching(Linear((2,)), Gaussian(dim=2), sigma_min=sigma)


@pytest.mark.parametrize(
    ("part", "name", "said"),
    [
        ("generator", "toy-mlp", "needs another generator than 'toy-mlp': unet or velocity-mlp"),
        ("prior", "gaussian-mixture", "needs another prior than 'gaussian-mixture': gaussian, as in --prior gaussian"),
    ],
)
def test_parts_that_do_not_fit_are_named(part, name, said):
    with pytest.raises(UserError, match=said):
        load_recipe("ring/flow-matching", {part: name})


def test_a_step_takes_one_network_call_whatever_a_sample_takes():
    flow = VelocityMLP((2,), 2, steps=10, solver="rk4")
    assert FlowMatching(flow, Gaussian(dim=2)).share == 1 / 40
