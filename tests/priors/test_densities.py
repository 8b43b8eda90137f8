"""The density of latents with each component of a mixture, against scipy's normal law."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from allmodes.core.discovery import entries
from allmodes.core.seeding import stream
from allmodes.priors.base import Prior
from allmodes.priors.mixture import Mixture

MIXTURES = {name: prior for name, prior in entries("allmodes.priors", Prior).items() if issubclass(prior, Mixture)}
FULL = [(name, {"covariance": "full"}) for name in MIXTURES if name != "gaussian-mixture"]


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in MIXTURES), *FULL])
def test_densities_are_those_of_the_components(name, options):
    torch.manual_seed(0)
    prior = MIXTURES[name](3, components=4, **options)
    if name != "gaussian-mixture":  # any covariances and signs of factors
        prior.factors.data += 0.1 * torch.randn_like(prior.factors)
    z = prior.sample(50, stream(0, "z")).z
    found = prior.log_densities(z).detach()
    assert found.shape == (50, 4)
    for k in range(4):
        a = prior.factors[k].detach().double().numpy()
        covariance = np.diag(a**2) if a.ndim == 1 else a @ a.T
        law = multivariate_normal(prior.means[k].detach().double().numpy(), covariance)
        expected = law.logpdf(z.double().numpy()) + np.log(float(prior.weights()[k]))
        np.testing.assert_allclose(found[:, k].numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", MIXTURES)
def test_far_apart_each_latent_is_likeliest_of_its_own_component(name):
    prior = MIXTURES[name](8, components=5, spread=10.0, sigma=0.1)
    drawn = prior.sample(200, stream(1, "z"))
    assert torch.equal(prior.log_densities(drawn.z).argmax(1), drawn.component)
