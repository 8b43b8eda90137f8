"""The prior of an EM-GAN is fitted to the latents of real images: where they are known, to those."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.networks.base import Generator
from allmodes.objectives.terms.refit import RefitTerm
from allmodes.priors.fitted_mixture import FittedMixture
from allmodes.training.recipe import load_recipe

SHARES = torch.tensor([0.7, 0.3])
MEANS = torch.tensor([[0.4, 0.0, -0.3, 0.2], [-0.4, 0.3, 0.2, -0.1]])
SIGMA = 0.08


class Turned(Generator):
    """An orthogonal map: the one latent of an image is the map back."""

    def __init__(self) -> None:
        super().__init__()
        drawn = torch.randn(4, 4, generator=stream(0, "map"))
        self.map = torch.nn.Parameter(torch.linalg.qr(drawn).Q)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z @ self.map


def planted(number: int, size: int) -> tuple[Tensor, Tensor]:
    """Latents of two modes in shares of 7 to 3, and which each is of."""
    rng = stream(1, number)
    of = torch.multinomial(SHARES, size, replacement=True, generator=rng)
    return MEANS[of] + SIGMA * torch.randn(size, 4, generator=rng), of


class Planted:
    """Batches of images whose latents are known."""

    def __init__(self, network: Generator, size: int = 250) -> None:
        self.network, self.size = network, size

    @torch.no_grad()
    def __call__(self, number: int) -> Batch:
        assert number >= 0
        z, of = planted(number, self.size)
        return Batch(self.network(z), torch.arange(number * self.size, (number + 1) * self.size), of)


def moment_at(step: int, batches: Planted) -> Moment:
    return Moment(
        step=step,
        progress=0.5,
        seed=0,
        batch_size=batches.size,
        device=torch.device("cpu"),
        workers=Alone(),
        upcoming=lambda ahead: batches(step + ahead),
    )


def make(**options: int) -> RefitTerm:
    prior = FittedMixture(4, components=2, spread=0.3, sigma=0.3)
    return RefitTerm(Turned(), prior, **{"every": 1_000, "inverted": 1_500, "steps": 40, "pool": 500, **options})


def test_the_mixture_becomes_that_of_the_planted_latents():
    term = make()
    figures = term.prepare(moment_at(4, Planted(term.generator)))
    prior, order = term.prior, term.prior.weights().argsort(descending=True)
    assert figures["refit/distance"] < 0.02
    assert figures["refit/kept"] == 0
    torch.testing.assert_close(prior.weights()[order], SHARES, atol=0.03, rtol=0)
    torch.testing.assert_close(prior.means[order], MEANS, atol=0.03, rtol=0)
    covariance = prior.factors[0] @ prior.factors[0].T
    torch.testing.assert_close(covariance, SIGMA**2 * torch.eye(4), atol=0.003, rtol=0)


def test_a_component_that_is_hardly_drawn_wins_its_images_back():
    term = make(steps=1)
    term.prior.means.copy_(MEANS)
    term.prior.factors.copy_(SIGMA * torch.eye(4).expand(2, 4, 4))
    term.prior.shares.copy_(torch.tensor([0.9999, 0.0001]))
    assert term.prepare(moment_at(4, Planted(term.generator)))["refit/distance"] < 0.2
    torch.testing.assert_close(term.prior.weights(), SHARES, atol=0.03, rtol=0)


def test_the_same_images_are_inverted_again_from_where_they_were():
    term = make(steps=1, pool=2)
    batches = Planted(term.generator)
    first = term.prepare(moment_at(4, batches))["refit/distance"]
    for step in (8, 12, 16):
        again = term.prepare(moment_at(step, batches))["refit/distance"]
        assert again < first
        first = again


def test_it_is_due_every_so_many_images_but_not_before_the_first():
    term = make(every=1_000)
    batches = Planted(term.generator)
    assert [step for step in range(14) if term.due(moment_at(step, batches))] == [4, 8, 12]
    rare = make(every=600)
    assert [step for step in range(10) if rare.due(moment_at(step, batches))] == [3, 5, 8]


class Together:
    """Processes that share a list in memory: a thread each."""

    def __init__(self, rank: int, shared: list[Tensor | None], barrier: threading.Barrier) -> None:
        self.rank, self.size, self.shared, self.barrier = rank, len(shared), shared, barrier

    def gather(self, tensor: Tensor) -> Tensor:
        self.shared[self.rank] = tensor
        self.barrier.wait(60)
        stacked = torch.stack([part for part in self.shared if part is not None])
        self.barrier.wait(60)
        return stacked


def test_processes_that_share_the_work_find_the_same():
    alone, terms = make(inverted=301), [make(inverted=301) for _ in range(2)]
    alone.prepare(moment_at(4, Planted(alone.generator)))
    shared: list[Tensor | None] = [None, None]
    barrier = threading.Barrier(2)

    def work(rank: int) -> None:
        moment = moment_at(4, Planted(terms[rank].generator))
        terms[rank].prepare(replace(moment, workers=Together(rank, shared, barrier)))

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for key, value in terms[0].state_dict().items():
        assert torch.equal(value, terms[1].state_dict()[key]), key
        torch.testing.assert_close(value, alone.state_dict()[key], atol=1e-4, rtol=0)


@pytest.mark.parametrize("field", ["every", "inverted", "steps", "pool"])
def test_numbers_are_positive(field):
    with pytest.raises(UserError, match=rf"'objective\.{field}' is 0"):
        make(**{field: 0})


def test_more_components_than_images_are_refused():
    with pytest.raises(
        UserError, match=r"'objective\.inverted' is 1, too few .* the 2 components .*: raise it, or lower"
    ):
        make(inverted=1)


def test_a_conditional_generator_is_refused():
    network = Turned()
    network.name, network.conditioned = "turned", "labels"
    with pytest.raises(UserError, match="'turned' is conditioned on labels, and images are inverted without"):
        RefitTerm(network, FittedMixture(4), every=1, inverted=20, steps=1, pool=1)


def test_another_prior_is_refused():
    with pytest.raises(UserError, match="needs another prior than 'gaussian': fitted-mixture"):
        load_recipe("ring/gan", {"objective": "gm-gan-em"})
