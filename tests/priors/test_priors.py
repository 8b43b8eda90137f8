"""Every prior samples by seed, on the CPU, with the moments that its law has."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.core.seeding import stream
from allmodes.priors.base import Prior
from allmodes.priors.dynamic_mixture import DynamicMixture
from allmodes.priors.fitted_gaussian import FittedGaussian
from allmodes.priors.fitted_mixture import FittedMixture
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.gaussian_mixture import GaussianMixture
from allmodes.priors.implicit import Implicit
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

    def test_a_draw_is_a_differentiable_function_of_its_noise(self, prior):
        made = prior(4)
        noise = made.noise(9, stream(0, "z"))
        assert noise.values.device.type == "cpu"
        drawn = made(noise)
        assert torch.equal(drawn.z, made.sample(9, stream(0, "z")).z)
        assert torch.equal(drawn.z, made(noise).z)  # nothing is drawn but the noise
        assert drawn.z.requires_grad == any(True for _ in made.parameters())
        halves = [made(noise.share(rank, 2)).z for rank in (0, 1)]
        torch.testing.assert_close(halves[0], drawn.z[0::2])
        torch.testing.assert_close(halves[1], drawn.z[1::2])

    def test_every_parameter_gets_a_gradient(self, prior):
        made = prior(4)
        if made(made.noise(500, stream(0, "z"))).z.requires_grad:
            made(made.noise(500, stream(0, "z"))).z.square().sum().backward()
        for key, parameter in made.named_parameters():
            assert parameter.grad is not None, key
            assert bool(torch.isfinite(parameter.grad).all()), key

    def test_has_at_least_one_dimension(self, prior):
        with pytest.raises(UserError, match=r"prior\.dim"):
            prior(0)

    @pytest.mark.gpu
    def test_draws_the_same_wherever_it_is(self, prior):
        made = prior(4)
        here = made.sample(9, stream(0, "z")).z
        there = made.to("cuda").sample(9, stream(0, "z")).z
        torch.testing.assert_close(here, there)


def fitted() -> FittedGaussian:
    prior = FittedGaussian(3)
    prior.fit(torch.arange(24.0).reshape(8, 3).sin())
    return prior


def implicit() -> Implicit:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Implicit(3, noise=2, width=4)


BITS = {  # latents of earlier versions, whose models must go on giving the same samples
    "gaussian": (lambda: Gaussian(3), ["0x1.7c55820000000p+0", "-0x1.0373040000000p-3", "0x1.80f2c00000000p+0"]),
    "uniform": (lambda: Uniform(3), ["0x1.fc88b80000000p-2", "-0x1.cf4e300000000p-2", "0x1.d5e2c40000000p-1"]),
    "gaussian-mixture": (
        lambda: GaussianMixture(3),
        ["-0x1.cc542a0000000p-4", "-0x1.bbcda80000000p-7", "0x1.8d19260000000p-4"],
    ),
    "fitted-gaussian": (fitted, ["0x1.ca233c0000000p-1", "-0x1.a3cee00000000p-2", "-0x1.55f8380000000p+0"]),
    "implicit": (implicit, ["-0x1.359c100000000p-1", "-0x1.0c834c0000000p+0", "-0x1.0486c40000000p+0"]),
}


@pytest.mark.parametrize(("make", "first"), BITS.values(), ids=BITS.keys())
def test_latents_are_those_of_earlier_versions_bit_for_bit(make, first):
    z = make().sample(2, stream(5, "bits")).z
    expected = torch.tensor([float.fromhex(value) for value in first])
    if make is implicit or make is fitted:  # sums, whose order is the machine's
        torch.testing.assert_close(z[0], expected, rtol=1e-6, atol=1e-6)
    else:
        assert torch.equal(z[0], expected)


def test_every_process_draws_the_same():
    code = (
        "import torch\n"
        "from allmodes.core.discovery import entries\n"
        "from allmodes.core.seeding import stream\n"
        "from allmodes.priors.base import Prior\n"
        "for prior in entries('allmodes.priors', Prior).values():\n"
        "    noise = prior(3).noise(5, stream(1, 'z'))\n"
        "    print([None if field is None else field.tolist() for field in vars(noise).values()])\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    for prior, words in zip(PRIORS.values(), said, strict=True):
        noise = prior(3).noise(5, stream(1, "z"))
        assert words == str([None if field is None else field.tolist() for field in vars(noise).values()])


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

    @pytest.mark.parametrize("field", ["spread", "sigma"])
    @pytest.mark.parametrize("mixture", [GaussianMixture, DynamicMixture, FittedMixture])
    def test_numbers_are_finite(self, mixture, field):
        with pytest.raises(UserError, match=rf"'prior\.{field}' is inf"):
            mixture(8, **{field: float("inf")})


class TestDynamicMixture:
    def test_begins_as_the_static_one(self):
        static = GaussianMixture(6, components=4, spread=0.3, sigma=0.2)
        for covariance in ("full", "diagonal"):
            dynamic = DynamicMixture(6, components=4, spread=0.3, sigma=0.2, covariance=covariance)
            torch.testing.assert_close(dynamic.sample(50, stream(0, "z")).z, static.sample(50, stream(0, "z")).z)

    def test_components_have_the_covariance_of_their_factors(self):
        prior = DynamicMixture(2, components=2, covariance="full")
        factors = torch.tensor([[[1.0, 0.0], [2.0, 0.5]], [[0.3, -0.4], [0.1, 0.2]]])
        with torch.no_grad():
            prior.factors.copy_(factors)
            prior.means.copy_(torch.tensor([[5.0, -1.0], [0.0, 2.0]]))
        drawn = prior.sample(N, stream(0, "z"))
        for number in (0, 1):
            mine = drawn.z[drawn.component == number]
            torch.testing.assert_close(mine.mean(0), prior.means[number].detach(), atol=0.04, rtol=0)
            torch.testing.assert_close(mine.T.cov(), factors[number] @ factors[number].T, atol=0.06, rtol=0.02)

    def test_gradients_are_those_of_the_closed_form(self):
        """E |z|^2 = mean over k of |mu_k|^2 + |A_k|^2, so its slopes are 2 mu_k / K and 2 A_k / K."""
        prior = DynamicMixture(3, components=2, spread=1.0, sigma=0.7, covariance="full")
        prior(prior.noise(200_000, stream(0, "z"))).z.square().sum(1).mean().backward()
        torch.testing.assert_close(prior.means.grad, prior.means.detach(), atol=0.02, rtol=0)
        torch.testing.assert_close(prior.factors.grad, prior.factors.detach(), atol=0.02, rtol=0)

    @pytest.mark.parametrize("covariance", ["full", "diagonal"])
    def test_what_holds_the_factors_is_the_square_of_how_far_they_are_from_where_they_began(self, covariance):
        prior = DynamicMixture(3, components=2, sigma=0.2, covariance=covariance, pull=0.7)
        assert DynamicMixture(3).penalty() is None
        assert prior.penalty().item() == 0
        with torch.no_grad():
            prior.factors.zero_()
        assert prior.penalty().item() == pytest.approx(0.7)  # lambda |0 - I|^2 / d
        with torch.no_grad():
            prior.factors[(1, 2, 2) if covariance == "full" else (1, 2)] = 0.6
        assert prior.penalty().item() == pytest.approx(0.7 * (5 + (0.6 / 0.2 - 1) ** 2) / 6)
        with pytest.raises(UserError, match=r"prior\.pull' is -1"):
            DynamicMixture(3, pull=-1)

    def test_labels_choose_among_components_of_their_own(self):
        prior = DynamicMixture(2, components=6, classes=3)
        labels = torch.arange(3).repeat(200)
        found = prior.sample(600, stream(0, "z"), labels).component
        assert torch.equal(found % 3, labels)
        assert len(found.unique()) == 6
        with pytest.raises(UserError, match="too few for the classes"):
            prior.sample(1, stream(0, "z"), torch.tensor([3]))

    @pytest.mark.parametrize("covariance", ["full", "diagonal"])
    @pytest.mark.parametrize("broken", [0.0, float("nan")])
    def test_a_singular_covariance_is_named(self, covariance, broken):
        prior = DynamicMixture(3, components=2, covariance=covariance)
        prior.require_sound()
        with torch.no_grad():
            prior.factors[1, 2] = broken
        with pytest.raises(UserError, match=r"component 1 .* singular: lower --optimizer\.prior\.lr") as raised:
            prior.require_sound()
        assert ("take --prior.covariance diagonal" in str(raised.value)) == (covariance == "full")
