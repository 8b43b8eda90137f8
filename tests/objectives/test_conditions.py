"""Samples are made for the examples of their step where prior or generator are conditioned on what these are."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch, Latents
from allmodes.core.workers import Alone
from allmodes.networks.base import Generator
from allmodes.objectives.terms.base import Step, fresh_latents
from allmodes.priors.base import Prior
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.gaussian_mixture import GaussianMixture

B = 12
WHOLE = Batch(torch.randn(B, 2), torch.arange(B), torch.arange(B) % 3, torch.randn(B, 1, 2, 2))


class Shift(Generator):
    """A latent, moved by its label, or by the mean of its input."""

    name = "shift"

    def __init__(self, conditioned: str | None) -> None:
        super().__init__()
        self.conditioned = conditioned  # type: ignore[assignment]

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z if condition is None else z + 100 * condition.float().flatten(1).mean(1, keepdim=True).view(-1, 1)


class ByLabel(Shift):
    """The same, by labels."""

    name = "by-label"

    def __init__(self) -> None:
        super().__init__("labels")

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        assert condition is not None
        return z + 100 * condition[:, None]


@dataclass(frozen=True)
class One(Alone):
    """One of two processes."""

    rank: int = 0
    size: int = 2


def step_of(generator: Generator, prior: Prior, rank: int | None = None) -> Step:
    """A step of one process, or of one of two."""
    workers = Alone() if rank is None else One(rank)
    at = Moment(3, 0.0, 0, B, torch.device("cpu"), workers, lambda ahead: WHOLE)
    batch = WHOLE if rank is None else WHOLE.share(rank, 2)
    return Step(
        batch, at, generator=generator, prior=prior, latents=lambda batch, moment: fresh_latents(prior, batch, moment)
    )


TIED = GaussianMixture(2, components=6, classes=3)


def test_latents_of_a_prior_tied_to_classes_are_of_the_classes_of_the_examples():
    step = step_of(Shift(None), TIED)
    assert torch.equal(step.drawn.component % 3, WHOLE.labels)
    assert len(step.drawn.component.unique()) > 3  # any of a class's own components
    assert torch.equal(step.labels, WHOLE.labels)
    means = TIED.means[step.drawn.component]
    assert float((step.samples - means).norm(dim=1).mean()) < 3 * TIED.sigma


def test_a_free_prior_asks_nothing_of_the_examples():
    free = GaussianMixture(2, components=3)
    step = step_of(Shift(None), free)
    assert step.labels is None
    expected = free.sample(B, step.moment.rng("latents"))
    assert torch.equal(step.drawn.z, expected.z)
    assert torch.equal(step.drawn.component, expected.component)


@pytest.mark.parametrize("prior", [TIED, Gaussian(2)], ids=["tied", "free"])
@pytest.mark.parametrize("generator", [Shift(None), ByLabel(), Shift("inputs")], ids=["no", "labels", "inputs"])
def test_two_processes_make_the_samples_of_one(generator, prior):
    alone = step_of(generator, prior)
    for rank in (0, 1):
        shared = step_of(generator, prior, rank)
        torch.testing.assert_close(shared.samples, alone.samples[rank::2])
        assert (shared.labels is None) == (alone.labels is None)
        assert shared.labels is None or torch.equal(shared.labels, alone.labels[rank::2])


def test_a_generator_is_given_what_it_is_conditioned_on():
    z = step_of(Shift(None), Gaussian(2)).samples
    labels = step_of(ByLabel(), Gaussian(2))
    torch.testing.assert_close(labels.samples, z + 100 * WHOLE.labels[:, None])
    assert torch.equal(labels.labels, WHOLE.labels)
    inputs = step_of(Shift("inputs"), Gaussian(2))
    torch.testing.assert_close(inputs.samples, z + 100 * WHOLE.inputs.mean((1, 2, 3))[:, None])


def test_a_generator_refuses_a_condition_it_does_not_take_and_asks_for_one_that_it_does():
    z, labels = torch.randn(4, 2), torch.arange(4)
    with pytest.raises(UserError, match="'shift' takes no condition"):
        Shift(None)(z, labels)
    with pytest.raises(UserError, match="'by-label' is conditioned on labels"):
        ByLabel()(z)


def test_records_keep_all_they_have():
    share = WHOLE.share(1, 3)
    for whole, part in zip(vars(WHOLE).values(), vars(share).values(), strict=True):
        assert torch.equal(part, whole[1::3])
    latents = Latents(WHOLE.images, WHOLE.labels, WHOLE.inputs)
    for whole, part in zip(vars(latents).values(), vars(latents.share(0, 2).to("cpu")).values(), strict=True):
        assert torch.equal(part, whole[::2])
    assert Latents(WHOLE.images).share(0, 2).condition is None
