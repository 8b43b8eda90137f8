"""Rivals of Conditional IMLE: what their players descend, by hand in float64 from the scores and samples of a step."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import softplus

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.distances.pixels import Pixels
from allmodes.networks.discriminators.patch import Patch
from allmodes.networks.encoders.mlp import MLP
from allmodes.networks.generators.cascade import Cascade
from allmodes.objectives.base import Objective, total
from allmodes.objectives.bicyclegan import BicycleGan, BicycleStep
from allmodes.objectives.losses.non_saturating import NonSaturating
from allmodes.objectives.pix2pix import Pix2Pix
from allmodes.objectives.srgan import Srgan
from allmodes.objectives.terms import Step
from allmodes.priors.gaussian import Gaussian

N, SHAPE, INPUTS, LATENT = 6, (1, 8, 8), (1, 4, 4), 4


def parts() -> dict:
    torch.manual_seed(0)
    return {
        "generator": Cascade(SHAPE, LATENT, inputs=INPUTS, width=4, widest=4, style=4),
        "prior": Gaussian(LATENT),
        "discriminator": Patch(SHAPE, inputs=INPUTS, width=4, layers=2),
        "loss": NonSaturating(gamma=0.0, every=1),
    }


def step_of(method: Objective) -> Step:
    rng = torch.Generator().manual_seed(3)
    examples = Batch(
        torch.rand(N, *SHAPE, generator=rng), torch.arange(N), inputs=torch.rand(N, *INPUTS, generator=rng)
    )
    return method.step(examples, Moment(0, 0.0, 0, N, torch.device("cpu"), Alone(), lambda ahead: examples))


def turn(method: Objective, player: str, step: Step) -> torch.Tensor:
    terms = [term for term in method.terms if term.on(step.moment) and term.player == player]
    return total(terms, step).value


def adversarial(method: Objective, step: Step, samples: torch.Tensor) -> float:
    """``log(1 + e^-s)``, the mean over places and examples, of samples under their inputs."""
    scores = method.discriminator(samples.detach(), step.batch.inputs).scores.double()
    assert scores.shape == (N, 4)
    return float(softplus(-scores.detach()).mean())


def test_srgan_is_regression_and_a_little_of_the_adversarial_loss():
    method = Srgan(**parts(), distance=Pixels(), weight=0.25)
    step = step_of(method)
    turn(method, "discriminator", step)
    value = float(turn(method, "generator", step).detach())
    content = float((step.samples.detach().double() - step.batch.images.double()).square().mean())
    assert value == pytest.approx(content + 0.25 * adversarial(method, step, step.samples), rel=1e-5)


def test_pix2pix_is_the_adversarial_loss_and_the_absolute_difference():
    method = Pix2Pix(**parts(), weight=7.0)
    step = step_of(method)
    turn(method, "discriminator", step)
    value = float(turn(method, "generator", step).detach())
    absolute = float((step.samples.detach().double() - step.batch.images.double()).abs().mean())
    assert value == pytest.approx(adversarial(method, step, step.samples) + 7.0 * absolute, rel=1e-5)


class TestBicycleGan:
    def method(self, **options) -> BicycleGan:
        given = parts()
        encoder = MLP(SHAPE, LATENT, widths=(8,), heads=2)
        return BicycleGan(**given, encoder=encoder, **options)

    def stepped(self, method: BicycleGan) -> BicycleStep:
        """A step after the generator's turn, whose backward pass it has had."""
        step = step_of(method)
        turn(method, "discriminator", step)
        turn(method, "generator", step).backward()
        assert isinstance(step, BicycleStep)
        return step

    def test_the_generator_descends_both_adversarial_losses_and_both_errors(self):
        method = self.method(weight=3.0, code=0.7)
        step = step_of(method)
        turn(method, "discriminator", step)
        value = float(turn(method, "generator", step).detach())
        z = step.drawn.z
        # a code that is read: mean and standard deviation of the law, and the step's noise
        mean, log_variance = method.encoder.readings(step.batch.images).detach().double()
        noise = torch.randn(N, LATENT, generator=step.moment.rng("codes")).double()
        code = (mean + torch.exp(log_variance / 2) * noise).float()
        again = method.generator(code, step.batch.inputs).detach()
        samples = method.generator(z, step.batch.inputs).detach()
        absolute = float((again.double() - step.batch.images.double()).abs().mean())
        missed = float((method.encoder.readings(samples)[0].detach().double() - z.double()).abs().mean())
        both = adversarial(method, step, again) + adversarial(method, step, samples)
        assert value == pytest.approx(both + 3.0 * absolute + 0.7 * missed, rel=1e-4)

    def test_the_discriminator_sees_originals_and_answers_of_both_kinds_with_their_inputs(self):
        method = self.method()
        step = step_of(method)
        value = float(turn(method, "discriminator", step).detach())
        inputs, said = step.batch.inputs, method.discriminator
        kinds = [step.batch.images, step.again.detach(), step.samples.detach()]
        real, again, fresh = (said(images, inputs).scores.detach().double() for images in kinds)
        # the mean over both kinds of answers, with originals beside each
        expected = float(softplus(-real).mean() + (softplus(again).mean() + softplus(fresh).mean()) / 2)
        assert value == pytest.approx(expected, rel=1e-5)

    def test_the_encoder_descends_what_its_codes_cost_and_their_distance_to_the_prior(self):
        """The gradient in one piece: of the generator's loss, whose codes are the encoder's, and of the KL."""
        method = self.method(weight=3.0, code=0.7, kl=0.2)
        method.encoder.eval()
        step = self.stepped(method)
        assert all(weights.grad is None for weights in method.encoder.parameters())
        turn(method, "encoder", step).backward()
        found = [weights.grad.clone() for weights in method.encoder.parameters()]

        method.encoder.zero_grad()
        mean, log_variance = method.encoder.readings(step.batch.images)
        noise = torch.randn(N, LATENT, generator=step.moment.rng("codes"))
        again = method.generator(mean + log_variance.exp().sqrt() * noise, step.batch.inputs)
        cost = softplus(-method.discriminator(again, step.batch.inputs).scores).mean()
        cost = cost + 3.0 * (again - step.batch.images).abs().mean()
        law = torch.distributions.Normal(mean, log_variance.exp().sqrt())
        kl = torch.distributions.kl_divergence(law, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
        (cost + 0.2 * kl).backward()
        for mine, weights in zip(found, method.encoder.parameters(), strict=True):
            assert torch.allclose(mine, weights.grad, rtol=1e-3, atol=1e-7)

    def test_the_error_of_random_codes_is_the_generator_s_alone(self):
        method = self.method(weight=1e-9, code=1e3, kl=1e-9)
        step = self.stepped(method)
        slope = float(step.code.grad.abs().max())  # of the adversarial loss alone, thousands of times smaller
        assert 0 < slope < 1.0
        assert all(weights.grad is None for weights in method.encoder.parameters())


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        (Srgan, {"distance": Pixels(), "weight": 0.0}, "without it take --objective regression"),
        (Pix2Pix, {"weight": -1.0}, "without it take --objective gan"),
        (BicycleGan, {"encoder": MLP(SHAPE, LATENT, widths=(8,), heads=2), "kl": 0.0}, r"'objective\.kl' is 0\.0"),
        (BicycleGan, {"encoder": MLP(SHAPE, LATENT, widths=(8,), heads=5)}, r"'encoder\.heads' is 5, but must be 2"),
    ],
)
def test_options_out_of_range_are_refused(method, options, said):
    with pytest.raises(UserError, match=said):
        method(**parts(), **options)
