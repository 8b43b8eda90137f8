"""Every prior samples by seed, on the CPU, with the moments that its law has."""

from __future__ import annotations

import pytest
import torch

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.priors.base import Prior
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.gaussian_mixture import GaussianMixture
from allmodes.priors.uniform import Uniform

PRIORS = entries("allmodes.priors", Prior)
N = 40_000


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS.keys())
class TestEveryPrior:
    def test_draws_flat_float_latents_on_the_cpu(self, prior):
        z = prior(5).sample(7, stream(0, "z")).z
        assert z.shape == (7, 5)
        assert z.dtype == torch.float32
        assert z.device.type == "cpu"
        assert not z.requires_grad

    def test_same_seed_same_latents_other_seed_other_latents(self, prior):
        made = prior(4)
        first, same, other = (made.sample(20, stream(seed, "z")) for seed in (0, 0, 1))
        assert torch.equal(first.z, same.z)
        assert not torch.equal(first.z, other.z)

    def test_leaves_the_global_generator_alone(self, prior):
        made = prior(4)
        before = torch.get_rng_state()
        made.sample(20, stream(0, "z"))
        assert torch.equal(before, torch.get_rng_state())

    def test_the_way_between_latents_meets_its_ends(self, prior):
        made = prior(6)
        a, b = made.sample(9, stream(0, "a")).z, made.sample(9, stream(0, "b")).z
        torch.testing.assert_close(made.between(a, b, 0.0), a)
        torch.testing.assert_close(made.between(a, b, 1.0), b)
        near, far = (made.between(a, b, share) for share in (0.2, 0.8))
        assert ((near - a).norm(dim=1) < (far - a).norm(dim=1)).all()

    def test_draws_none(self, prior):
        assert prior(4).sample(0, stream(0, "z")).z.shape == (0, 4)

    def test_survives_a_round_trip_through_its_state(self, prior):
        first, second = prior(4), prior(4)
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.sample(9, stream(0, "z")).z, second.sample(9, stream(0, "z")).z)

    def test_has_at_least_one_dimension(self, prior):
        with pytest.raises(UserError, match=r"prior\.dim"):
            prior(0)

    @pytest.mark.gpu
    def test_draws_the_same_wherever_it_is(self, prior):
        made = prior(4)
        here = made.sample(9, stream(0, "z")).z
        there = made.to("cuda").sample(9, stream(0, "z")).z
        torch.testing.assert_close(here, there)


@pytest.mark.parametrize(("prior", "variance"), [(Gaussian(3), 1.0), (Uniform(3), 1 / 3)])
def test_moments(prior, variance):
    z = prior.sample(N, stream(0, "moments")).z
    torch.testing.assert_close(z.mean(0), torch.zeros(3), atol=5 * (variance / N) ** 0.5, rtol=0)
    torch.testing.assert_close(z.T.cov(), variance * torch.eye(3), atol=0.03, rtol=0)


def test_uniform_stays_in_its_cube():
    z = Uniform(3).sample(N, stream(0, "cube")).z
    assert -1 <= float(z.min()) < -0.999
    assert 0.999 < float(z.max()) <= 1


class TestGaussianMixture:
    def test_each_component_has_its_mean_and_the_common_variance(self):
        prior = GaussianMixture(2, components=3, spread=4.0, sigma=0.5)
        drawn = prior.sample(N, stream(0, "moments"))
        assert drawn.component is not None
        for k in range(3):
            z = drawn.z[drawn.component == k]
            assert abs(len(z) - N / 3) < 5 * (N * 2 / 9) ** 0.5
            torch.testing.assert_close(z.mean(0), prior.means[k], atol=5 * 0.5 / len(z) ** 0.5, rtol=0)
            torch.testing.assert_close(z.T.cov(), 0.25 * torch.eye(2), atol=0.02, rtol=0)

    def test_means_lie_in_the_cube_and_depend_on_the_priors_own_seed_alone(self):
        first = GaussianMixture(50, components=200, spread=0.3)
        torch.manual_seed(1)
        same = GaussianMixture(50, components=200, spread=0.3)
        other = GaussianMixture(50, components=200, spread=0.3, seed=1)
        assert torch.equal(first.means, same.means)
        assert not torch.equal(first.means, other.means)
        assert 0.29 < float(first.means.abs().max()) <= 0.3

    def test_a_class_owns_a_component(self):
        labels = torch.tensor([2, 0, 2, 1])
        prior = GaussianMixture(8, components=3, spread=10.0, sigma=1e-3)
        drawn = prior.sample(4, stream(0, "classes"), labels)
        assert drawn.component is not None
        assert torch.equal(drawn.component, labels)
        torch.testing.assert_close(drawn.z, prior.means[labels], atol=0.01, rtol=0)

    def test_a_class_without_a_component_is_an_error(self):
        with pytest.raises(UserError, match=r"prior\.components.* is 3.*one component per class"):
            GaussianMixture(8, components=3).sample(2, stream(0, "classes"), torch.tensor([0, 3]))

    @pytest.mark.parametrize("field", ["components", "spread", "sigma"])
    def test_numbers_are_positive(self, field):
        with pytest.raises(UserError, match=rf"prior\.{field}"):
            GaussianMixture(8, **{field: 0})
