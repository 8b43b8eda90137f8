"""Learnt weights of a mixture: the law of its draws by chi-square, the slope of an expected cost by enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.core.records import Latents
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.objectives.losses.base import AdversarialLoss
from allmodes.objectives.terms.prior import expected_cost
from allmodes.priors.base import Prior
from allmodes.priors.dynamic_mixture import DynamicMixture
from allmodes.priors.gaussian_mixture import GaussianMixture

N = 20_000
LOSSES = entries("allmodes.objectives.losses", AdversarialLoss)


def learned(components: int, classes: int | None = None) -> DynamicMixture:
    prior = DynamicMixture(3, components=components, classes=classes, weights="learned")
    with torch.no_grad():
        prior.logits.copy_(torch.tensor([0.0, 0.12, -0.1, 0.05, -0.03, 0.08][:components]))
    return prior


def test_weights_are_probabilities_that_begin_equal():
    assert DynamicMixture(3, components=4, weights="learned").weights().tolist() == [0.25] * 4
    assert GaussianMixture(3, components=4).weights().tolist() == [0.25] * 4
    assert (
        next(prior(3).weights() for prior in entries("allmodes.priors", Prior).values() if prior.name == "gaussian")
        is None
    )
    free, tied = learned(6).weights(), learned(6, classes=3).weights()
    assert not free.requires_grad
    assert float(free.sum()) == pytest.approx(1)
    assert tied.view(2, 3).sum(0).tolist() == pytest.approx([1 / 3] * 3)
    assert len(set(tied.tolist())) == 6


@pytest.mark.parametrize("classes", [None, 3])
def test_components_are_drawn_as_often_as_their_weights_say(classes):
    prior = learned(6, classes)
    counts, weights = np.bincount(prior.sample(N, stream(0, "z")).component, minlength=6), prior.weights().double()
    assert chisquare(counts, N * (weights / weights.sum()).numpy()).pvalue > 1e-3
    assert chisquare(counts).pvalue < 1e-6  # equal weights would not have given these


def test_components_of_a_class_are_drawn_by_their_weights_within_it():
    prior = learned(6, classes=3)
    labels = torch.tensor([0, 1, 1, 2]).repeat(N // 4)
    found = prior.sample(N, stream(0, "z"), labels).component
    assert torch.equal(found % 3, labels)
    for label in range(3):
        mine, weights = found[labels == label], prior.weights()[label::3].double()
        expected = len(mine) * (weights / weights.sum()).numpy()
        assert chisquare(np.bincount(mine // 3, minlength=2), expected).pvalue > 1e-3
    with pytest.raises(UserError, match="too few for the classes"):
        prior.sample(1, stream(0, "z"), torch.tensor([3]))


def test_one_component_alone_is_drawn_whatever_its_weight_is():
    prior = learned(4)
    noise = prior.noise(50, stream(0, "z"))
    assert len(prior(noise).component.unique()) == 4
    assert prior.drawn(noise.of(2)).component.tolist() == [2] * 50
    given = torch.arange(50) % 4
    assert torch.equal(prior(replace(noise, component=given)).component, given)
    assert torch.equal(prior(noise.scaled(0.5)).component, prior(noise).component)


def test_weights_that_are_fixed_draw_as_they_always_did():
    static, dynamic = GaussianMixture(3, components=4), DynamicMixture(3, components=4)
    assert torch.equal(static.sample(9, stream(0, "z")).component, dynamic.sample(9, stream(0, "z")).component)
    assert "logits" not in dynamic.state_dict()


def descent(prior: DynamicMixture, components: torch.Tensor, costs: torch.Tensor, workers=None) -> torch.Tensor:
    """What weights descend when samples of these components, ``(B,)``, cost so much."""
    size = len(components) * (workers.size if workers else 1)
    moment = SimpleNamespace(batch_size=size, workers=workers or Alone())
    chances = prior.log_chances(Latents(torch.zeros(len(components), 3), components))
    return expected_cost(chances, SimpleNamespace(costs=costs, moment=moment))


@pytest.mark.parametrize("classes", [None, 1])
def test_their_slope_is_on_average_over_all_draws_that_of_the_expected_cost(classes):
    prior, cost, size = learned(3, classes), torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64), 4
    prior.double()
    weights, slope = prior.weights(), torch.zeros(3, dtype=torch.float64)
    for draw in product(range(3), repeat=size):
        components = torch.tensor(draw)
        (found,) = torch.autograd.grad(descent(prior, components, cost[components]), prior.logits)
        slope += weights[components].prod() * found
    for k in range(3):
        ends = []
        for shift in (1e-6, -1e-6):
            with torch.no_grad():
                prior.logits[k] += shift
            ends.append(float(prior.weights() @ cost))
            with torch.no_grad():
                prior.logits[k] -= shift
        assert float(slope[k]) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_processes_that_share_a_batch_descend_what_one_would():
    prior, components, costs = (
        learned(3),
        torch.tensor([0, 1, 2, 0, 1, 1]),
        torch.tensor([1.0, 0.0, 3.0, -1.0, 2.0, 5.0]),
    )
    means = torch.stack([costs[rank::2].mean() for rank in (0, 1)])
    shares = [
        descent(prior, components[rank::2], costs[rank::2], SimpleNamespace(size=2, gather=lambda mean: means))
        for rank in (0, 1)
    ]
    torch.testing.assert_close(torch.stack(shares).mean(), descent(prior, components, costs))


@pytest.mark.parametrize("shape", [(6,), (6, 4)], ids=["one score", "several scores"])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
def test_what_each_sample_costs_is_its_share_of_the_generators_loss(loss, shape):
    real, fake = (torch.randn(shape, generator=stream(seed, "scores")) for seed in (0, 1))
    each = loss().each(real, fake)
    alone = [float(loss().generator(real[i : i + 1], fake[i : i + 1])) for i in range(6)]
    assert each.tolist() == pytest.approx(alone)
    assert float(each.mean()) == pytest.approx(float(loss().generator(real, fake)))


def test_weights_come_to_rest_where_every_mode_is_drawn_too_rarely_or_too_badly_alike():
    """At ``w_k exp(-KL(q_k || p_k))``: two Gaussians at 7:3, of which the smaller is drawn half as wide as it is."""
    prior = DynamicMixture(1, components=2, sigma=1.0, weights="learned")
    with torch.no_grad():
        prior.means.copy_(torch.tensor([[-3.0], [3.0]]))
        prior.factors.copy_(torch.tensor([[1.0], [0.5]]))
    data, rates = GaussianMixture(1, components=2, sigma=1.0), torch.tensor([0.7, 0.3])
    data.means.copy_(prior.means.detach())
    descent_of, found = torch.optim.Adam([prior.logits], lr=4e-3), []
    for step in range(800):
        latents = prior(prior.noise(256, stream(0, "draw", step)))
        z = latents.z.detach()
        likelier = prior.log_densities(z).logsumexp(1) - (data.log_densities(z) + (2 * rates).log()).logsumexp(1)
        loss = descent(prior, latents.component, likelier.detach().float())
        descent_of.zero_grad()
        loss.backward()
        descent_of.step()
        found.append(prior.weights())
    worse = np.log(2) + 0.5**2 / 2 - 0.5  # KL(N(3, 0.25) || N(3, 1))
    expected = 0.7 / (0.7 + 0.3 * np.exp(-worse))
    assert float(torch.stack(found[400:])[:, 0].mean()) == pytest.approx(expected, abs=0.01)
    assert expected == pytest.approx(0.762, abs=5e-4)
