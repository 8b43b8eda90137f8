"""VEEGAN: which pairs the discriminator is shown, and what generator and reconstructor descend."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from turns import step_of, turn

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Latents
from allmodes.core.workers import Alone
from allmodes.networks.base import Discriminator
from allmodes.networks.discriminators.mlp import MLP as Critic
from allmodes.networks.encoders.mlp import MLP
from allmodes.networks.generators.toy_mlp import ToyMLP
from allmodes.networks.joint import Joint, paired
from allmodes.objectives.losses.reverse_kl import ReverseKL
from allmodes.objectives.veegan import Veegan
from allmodes.priors.gaussian import Gaussian

B, D, Z = 5, 3, 2


class Sum(Discriminator):
    """The sum of what it sees."""

    name = "sum"

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(D, 1, bias=False)
        nn.init.ones_(self.score.weight)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images


def moment() -> Moment:
    return Moment(0, 0.0, 0, B, torch.device("cpu"), Alone(), lambda ahead: pytest.fail("not needed"))


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def method(**options) -> Veegan:
    torch.manual_seed(0)
    encoder = MLP((D,), Z, widths=(8,), heads=options.pop("heads", 1)).eval()
    parts = ToyMLP((D,), Z, width=8), Gaussian(dim=Z)
    shown = {"discriminator": Sum(), "encoder": encoder, "loss": ReverseKL(), "shape": (D,), "seed": 0}
    return Veegan(*parts, **shown, **options)


def begun(veegan: Veegan, real: torch.Tensor, fake: torch.Tensor, z: torch.Tensor):
    step = step_of(veegan, real, fake, moment())
    step.leaf = z
    return step


def test_the_discriminator_learns_real_images_as_read_from_samples_as_made() -> None:
    veegan, real, fake, z = method(), draw(0, B, D), draw(1, B, D), draw(2, B, Z)
    found = turn(veegan, "discriminator", begun(veegan, real, fake, z)).value
    u, read = veegan.discriminator.score, veegan.reconstructor(real)
    scores = [x.sum(1) + u(torch.cat([x, code], 1))[:, 0] for x, code in ((real, read), (fake, z))]
    expected = torch.log1p(torch.exp(-scores[0])).mean() + torch.log1p(torch.exp(scores[1])).mean()
    torch.testing.assert_close(found, expected)
    found.backward()
    assert all(weights.grad is None for weights in veegan.reconstructor.parameters())


def test_generator_and_reconstructor_descend_how_badly_latents_are_found_again() -> None:
    veegan, fake, z = method(reconstruction=3.0), draw(1, B, D).requires_grad_(), draw(2, B, Z)
    step = begun(veegan, draw(0, B, D), fake, z)
    turn(veegan, "discriminator", step)
    found = turn(veegan, "generator", step)
    error = (z - veegan.reconstructor(fake)).square().sum(1).mean()
    u = veegan.discriminator.score
    expected = 3.0 * error - (fake.sum(1) + u(torch.cat([fake, z], 1))[:, 0]).mean()
    torch.testing.assert_close(found.value, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found.value, fake)[0], torch.autograd.grad(expected, fake, retain_graph=True)[0]
    )
    own = turn(veegan, "reconstructor", step).value
    torch.testing.assert_close(own, error)
    weights = list(veegan.reconstructor.parameters())
    for ours, theirs in zip(torch.autograd.grad(own, weights), torch.autograd.grad(error, weights), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_latents_are_read_from_images_of_any_shape_by_a_discriminator_of_any_kind() -> None:
    joint = Joint(Critic((1, 4, 4), widths=(6,)), (1, 4, 4), 3, width=5)
    images, z = draw(0, 7, 1, 4, 4), draw(1, 7, 3).requires_grad_()
    scores = joint(paired(images, z)).scores
    assert scores.shape == (7,)
    alone = joint.inner(images).scores
    torch.testing.assert_close(
        scores - alone, joint.score(torch.cat([joint.inner.features(images), z], 1))[:, 0], atol=1e-6, rtol=1e-5
    )
    scores.sum().backward()
    assert (z.grad.abs().sum(1) > 0).all()
    assert all(weights.grad is not None for weights in joint.parameters())


@pytest.mark.parametrize(
    ("options", "said"), [({"heads": 5}, "'encoder.heads' is 5"), ({"reconstruction": 0.0}, "is 0")]
)
def test_options_make_sense(options: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        method(**options)


def test_several_scores_of_an_image_are_all_told_of_its_latent() -> None:
    class Two(Sum):
        name = "two"

        def __init__(self) -> None:
            super().__init__()
            self.score = nn.Linear(D, 2)

    joint = Joint(Two(), (D,), Z, width=4)
    pairs = paired(draw(0, B, D), Latents(draw(1, B, Z)).z)
    assert joint(pairs).scores.shape == (B, 2)
