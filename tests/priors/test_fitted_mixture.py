"""The fitted mixture finds a mixture that is known, from where it was, and no component of it becomes singular."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.priors.fitted_mixture import FittedMixture
from allmodes.priors.gaussian_mixture import GaussianMixture

MEANS = np.array([[0.6, -0.4], [-0.5, 0.3]])
COVARIANCES = np.array([[[0.05, 0.03], [0.03, 0.04]], [[0.02, 0.0], [0.0, 0.08]]])
SHARES = np.array([0.7, 0.3])


def planted(n: int, covariances: np.ndarray = COVARIANCES) -> torch.Tensor:
    """Latents of the mixture above, by numpy."""
    rng = np.random.default_rng(3)
    of = (rng.random(n) > SHARES[0]).astype(int)
    drawn = [rng.multivariate_normal(MEANS[k], covariances[k], n) for k in (0, 1)]
    return torch.from_numpy(np.where(of[:, None] == 0, *drawn)).float()


def in_order(prior: FittedMixture) -> list[int]:
    """Its components, that of the greater share first."""
    return [int(k) for k in prior.weights().argsort(descending=True)]


def test_begins_as_the_static_one_in_law():
    static, prior = (kind(6, components=4, spread=0.3, sigma=0.2) for kind in (GaussianMixture, FittedMixture))
    noise = static.noise(50, stream(0, "z"))
    for covariance in ("shared", "full", "diagonal"):
        prior = FittedMixture(6, components=4, spread=0.3, sigma=0.2, covariance=covariance)
        torch.testing.assert_close(prior(noise).z, static(noise).z)
    assert torch.equal(prior.weights(), torch.full((4,), 0.25))


def test_a_known_mixture_is_found_with_its_covariances_and_weights():
    prior = FittedMixture(2, components=2, spread=0.5, sigma=0.3, covariance="full")
    assert prior.fit(planted(20_000)) == 0
    for ours, theirs in zip(in_order(prior), (0, 1), strict=True):
        assert abs(float(prior.weights()[ours]) - SHARES[theirs]) < 0.01
        np.testing.assert_allclose(prior.means[ours], MEANS[theirs], atol=0.01)
        factor = prior.factors[ours].double()
        np.testing.assert_allclose(factor @ factor.T, COVARIANCES[theirs], atol=0.003)
    found = prior.sample(200_000, stream(0, "z"))
    assert abs(float((found.component == in_order(prior)[0]).float().mean()) - float(prior.weights().max())) < 0.005
    mine = found.z[found.component == in_order(prior)[0]].double()
    np.testing.assert_allclose(mine.T.cov(), COVARIANCES[0], atol=0.003)


def test_a_shared_covariance_is_that_of_all_components():
    prior = FittedMixture(2, components=2, spread=0.5, sigma=0.3)
    prior.fit(planted(20_000, COVARIANCES[[0, 0]]))
    for ours, theirs in zip(in_order(prior), (0, 1), strict=True):
        assert abs(float(prior.weights()[ours]) - SHARES[theirs]) < 0.01
        np.testing.assert_allclose(prior.means[ours], MEANS[theirs], atol=0.01)
        factor = prior.factors[ours].double()
        np.testing.assert_allclose(factor @ factor.T, COVARIANCES[0], atol=0.003)
    found = prior.sample(100_000, stream(0, "z"))
    for k in (0, 1):
        mine = found.z[found.component == k].double()
        np.testing.assert_allclose(mine.T.cov(), COVARIANCES[0], atol=0.003)


def test_diagonal_covariances_are_the_variances():
    prior = FittedMixture(2, components=2, spread=0.5, sigma=0.3, covariance="diagonal")
    prior.fit(planted(20_000))
    for ours, theirs in zip(in_order(prior), (0, 1), strict=True):
        np.testing.assert_allclose(prior.factors[ours].square(), np.diag(COVARIANCES[theirs]), atol=0.003)


def test_a_fit_goes_on_from_the_last_and_never_to_less_likely_parameters():
    codes = planted(3_000)

    def likelihood(prior: FittedMixture) -> float:
        law = [
            share * multivariate_normal(mean, factor @ factor.T).pdf(codes.numpy())
            for share, mean, factor in zip(prior.weights(), prior.means.double(), prior.factors.double(), strict=True)
        ]
        return float(np.log(sum(np.asarray(part) for part in law)).mean())

    prior = FittedMixture(2, components=3, spread=0.1, sigma=0.2, covariance="full")
    seen = [likelihood(prior)]
    for _ in range(3):
        prior.fit(codes)
        seen.append(likelihood(prior))
    assert seen[1] > seen[0] + 0.1
    assert all(later > earlier - 1e-3 for earlier, later in zip(seen, seen[1:], strict=False))


@pytest.mark.parametrize("covariance", ["shared", "full", "diagonal"])
@pytest.mark.parametrize("codes", [torch.ones(50, 3), torch.eye(3).repeat(20, 1), torch.eye(4)[:, :3] - 1])
def test_no_covariance_becomes_singular(covariance, codes):
    prior = FittedMixture(3, components=4, covariance=covariance)
    for _ in range(3):
        prior.fit(codes)
        factors = prior.factors.diag_embed() if covariance == "diagonal" else prior.factors
        assert float(torch.linalg.svdvals(factors).min()) > 0
        assert bool(prior.sample(50, stream(0, "z")).z.isfinite().all())
        assert float(prior.weights().sum()) == pytest.approx(1, abs=1e-5)


def test_a_component_of_no_latents_keeps_its_moments_and_is_hardly_drawn():
    prior = FittedMixture(1, components=3, spread=0.1, sigma=0.1, covariance="full")
    codes = torch.tensor([-1.0, 1.0]).repeat(30)[:, None]  # nothing is there for a third
    means, factors = prior.means.clone(), prior.factors.clone()
    assert prior.fit(codes) == 1
    lost = int(prior.weights().argmin())
    others = [k for k in range(3) if k != lost]
    assert float(prior.weights()[lost]) < 2 / 60
    torch.testing.assert_close(prior.means[others].sort(0).values, torch.tensor([[-1.0], [1.0]]))
    assert torch.equal(prior.means[lost], means[lost])
    assert torch.equal(prior.factors[lost], factors[lost])


def test_a_component_that_was_lost_is_found_again():
    """Warm starts alone never bring back a component whose weight is 0."""
    prior = FittedMixture(2, components=2, spread=0.5, sigma=0.3, covariance="full")
    prior.shares.copy_(torch.tensor([1.0, 0.0]))
    prior.fit(planted(5_000))
    assert abs(float(prior.weights().max()) - 0.7) < 0.02


@pytest.mark.parametrize(
    ("codes", "words"),
    [(torch.zeros(2, 2), r"'prior\.components' is 3, too many .* 2 latents"), (torch.full((9, 2), torch.nan), "NaN")],
)
def test_what_no_mixture_can_be_fitted_to_is_refused(codes, words):
    with pytest.raises(UserError, match=words):
        FittedMixture(2, components=3).fit(codes)
