"""The figures of the example on the likelihood, against closed forms and against pools that are really drawn."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

EXAMPLE = Path(__file__).parents[2] / "examples" / "imle_likelihood.py"
WIDTHS, PLACES = np.array([0.1, 0.8]), np.array([-2.0, 2.0])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Everything that the example has computed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("example"))
        before = torch.get_default_dtype()
        try:
            return runpy.run_path(str(EXAMPLE))
        finally:
            torch.set_default_dtype(before)


def least(samples: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """The squared distance of every example (n, d) to the nearest of every pool (k, m, d), (k, n)."""
    return np.square(samples[:, None] - examples[None, :, None]).sum(-1).min(-1)


class TestTheExpectation:
    """Of 4,000 pools; an example is off by more than four standard errors once in 16,000."""

    def test_of_the_linear_gaussian_is_the_mean_of_pools(self, found):
        theta, rng = found["gaussian_found"][0], np.random.default_rng(0)
        samples = rng.standard_normal((4_000, 10, 2)) @ found["factor"](theta).numpy().T + theta[3:].numpy()
        drawn = least(samples, found["PENTAGON"].numpy())
        integral = found["expected"](found["gaussian_balls"](theta), 10).numpy()
        assert (np.abs(drawn.mean(0) - integral) < 4 * drawn.std(0) / 4_000**0.5).all()

    def test_of_the_mixture_is_the_mean_of_pools(self, found):
        theta, rng = found["best_mixture"], np.random.default_rng(1)
        kind = (rng.random((4_000, 100)) > 0.5).astype(int)
        samples = PLACES[kind] + WIDTHS[kind] * rng.standard_normal(kind.shape)
        drawn = least(samples[..., None], found["LINE"].numpy()[:, None])
        integral = found["expected"](found["mixture_balls"](theta), 100).numpy()
        assert (np.abs(drawn.mean(0) - integral) < 4 * drawn.std(0) / 4_000**0.5).all()


class TestTheLikelihood:
    def test_of_the_gaussian_is_that_of_scipy_and_is_greatest_where_it_is_said(self, found):
        points, best = found["PENTAGON"].numpy(), found["best_gaussian"]
        mean, covariance = points.mean(0), np.cov(points.T, bias=True)
        expected = multivariate_normal(mean, covariance).logpdf(points)
        np.testing.assert_allclose(found["gaussian"](best, found["PENTAGON"]), expected, rtol=1e-12)
        np.testing.assert_allclose(expected, expected[0], rtol=1e-12)  # the condition holds: all are equally likely

    def test_of_the_mixture_is_that_of_scipy_and_is_greatest_where_it_is_said(self, found):
        line = found["LINE"].numpy()

        def loss(theta: np.ndarray) -> float:
            share = 1 / (1 + np.exp(-theta[0]))
            each = norm.pdf(line[:, None], theta[1:], WIDTHS) * [share, 1 - share]
            return -float(np.log(each.sum(1)).mean())

        best = minimize(loss, [0.3, -2.1, 2.2], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
        mine = -float(found["mixture"](found["best_mixture"], found["LINE"]).mean())
        assert mine == pytest.approx(best.fun, abs=1e-9)
        np.testing.assert_allclose(found["best_mixture"], [0.0, -2.0, 2.0], atol=1e-3)  # halves, at their examples


class TestTheTheorem:
    def test_where_examples_are_equally_likely_the_gap_falls_with_the_square_of_the_pool(self, found):
        gaps = np.array(found["gaussian_gaps"])
        assert (gaps[:-1] > 50 * gaps[1:]).all()
        np.testing.assert_allclose(gaps[2:-1] / gaps[3:], 100, rtol=0.02)
        assert gaps[-1] < 1e-8

    def test_where_they_are_not_it_tends_to_its_closed_form(self, found):
        """The share tends to 1/5, the gap to half of log (1/2)^2 / (1/5 4/5)."""
        assert float(found["shares"](found["plain"][-1])[0]) == pytest.approx(0.2, abs=1e-3)
        assert found["plain_gaps"][-1] == pytest.approx(math.log(0.25 / 0.16) / 2, abs=1e-3)

    def test_weights_tend_to_the_inverse_square_of_the_likelihood_on_the_line(self, found):
        """Examples of the narrow one have a density of 0.2 / 0.1 there, those of the wide one of 0.8 / 0.8: 1 in 4."""
        np.testing.assert_allclose(found["weights"][-1], [0.25, 0.25, 1, 1], atol=1e-3)

    def test_imle_maximises_the_likelihood_under_these_weights(self, found):
        """Weighted, each Gaussian's share is that of its examples' weights: 0.5 of 2.5."""
        weights = found["weights"][-1].numpy()
        share = weights[:2].sum() / weights.sum()
        assert float(found["shares"](found["plain"][-1])[0]) == pytest.approx(share, abs=1e-3)

    def test_by_their_own_size_distances_need_no_condition(self, found):
        assert max(found["own_gaps"][1:]) < 1e-9
