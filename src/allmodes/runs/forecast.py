"""How long a training will take, before its first step: from a trial of each network on a few examples."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..core.seeding import stream
from ..distances.base import Distance
from ..evaluation import clusters, mixture
from ..evaluation.answers import given
from ..evaluation.evaluate import looking, passes
from ..networks.base import Discriminator
from ..objectives.chimle import LevelsTerm
from ..objectives.terms import RegressionTerm
from ..training.current import current_model
from ..training.footprint import called, kinds_of, seen_in
from ..training.trainer import Trainer

TIMED = 8  # examples: as fast, each, as those of a batch
TRIALS = 3  # of which the least counts: another program may have had the core
MAPPING = 10.0  # seconds of t-SNE and of neighbours, measured
AUDITED, AUDIT = 2_000, 8.0  # samples; and seconds of what else the audit, in four views, and the report do, measured


@dataclass(frozen=True)
class Forecast:
    """Seconds, about.

    Args:
        steps: of all steps that are left, their matching, and what else terms prepare.
        looks: of quick evaluations on the way.
        after: of evaluation, audit and report.
    """

    steps: float
    looks: float
    after: float

    @classmethod
    def of(cls, trainer: Trainer) -> Forecast:
        """Try every network a few times; the training is as it was before."""
        settings, seen = trainer.settings, looking(trainer.dataset, trainer.fabric.device)
        steps = (settings.images - trainer.images) / settings.batch
        looks = (settings.images - trainer.images) // settings.evaluate_every if settings.evaluate_every else 0
        look = seen.first * (sample_seconds(trainer) + _embedding(trainer, seen.networks[:1]))
        prepared = matching_seconds(trainer) + choosing_seconds(trainer) + preparing_seconds(trainer)
        step = step_seconds(trainer) + prepared
        return cls(steps * step, looks * look, seconds_after(trainer))

    @property
    def whole(self) -> float:
        """All of it."""
        return self.steps + self.looks + self.after


def seconds_after(trainer: Trainer) -> float:
    """Of evaluation, audit and report: those of the samples that they make, and of the networks that look at them."""
    seen = looking(trainer.dataset, trainer.fabric.device)
    made = (passes(trainer.dataset) + AUDITED) * sample_seconds(trainer)
    looked = seen.samples * _embedding(trainer, seen.networks) + AUDITED * _embedding(trainer, seen.networks[:1])
    return made + looked + AUDIT + _mixture_seconds(trainer)


def _mixture_seconds(trainer: Trainer) -> float:
    """Of what is seen of a mixture prior, if the model has one."""
    model, dataset = current_model(trainer), trainer.dataset
    if not mixture.is_mixture(model):
        return 0.0
    look, _ = mixture.look(dataset, trainer.fabric.device)
    made = mixture.passes() + clusters.passes(model, dataset)
    return made * sample_seconds(trainer) + mixture.LOOKED_AT * _embedding(trainer, [look]) + MAPPING


def sample_seconds(trainer: Trainer) -> float:
    """Of a sample."""
    model = current_model(trainer)
    sample = given(model, trainer.dataset)
    return timed(lambda: sample(TIMED, 0)) / TIMED


def step_seconds(trainer: Trainer) -> float:
    """Of a step, its matching apart: every network, forwards and backwards, on a few examples."""
    device, shape = trainer.fabric.device, trainer.dataset.shape
    distance = _distance(trainer)
    latents = trainer.objective.prior.sample(TIMED, stream(0, "timed")).z.detach().to(device)
    examples = trainer.dataset.batch(0, TIMED, 0).to(device)
    condition = trainer.objective.generator.condition(examples)
    images = torch.zeros(TIMED, *shape, device=device, requires_grad=True)
    with torch.random.fork_rng(), trainer.fabric.autocast():
        seconds = _turn(trainer.players["generator"], latents, condition) * trainer.objective.share
        if "discriminator" in trainer.players:
            critic = trainer.players["discriminator"]
            beside = (critic.condition(examples),) if isinstance(critic, Discriminator) else ()
            seconds += 3 * _turn(critic, images, *beside)  # data, samples, and the generator's turn
        seconds *= trainer.objective.answers
        if "encoder" in trainer.players:
            seconds += 4 * _turn(trainer.players["encoder"], images)  # data, views, samples, and the generator's turn
        if distance is not None:
            looked = timed(lambda: torch.autograd.grad(distance.embed(images).sum(), images))
            if any(isinstance(term, RegressionTerm | LevelsTerm) for term in trainer.objective.terms):
                looked += TIMED * _embedding(trainer, (distance.embed,))  # originals, which no round has looked at
            seconds += _levels(trainer) * looked
    return seconds * trainer.settings.batch / TIMED / trainer.workers.size


def _levels(trainer: Trainer) -> float:
    """How many whole samples a distance sees of one: of those that are pulled at every size, the smaller ones, too."""
    drawn = [term.generator.scales for term in trainer.objective.terms if isinstance(term, LevelsTerm)]
    return sum(1 / scale**2 for scale in drawn[0]) if drawn else 1.0


def matching_seconds(trainer: Trainer) -> float:
    """Of matching, a step's share of a round: every candidate of the pool is made and embedded."""
    matching, distance = trainer.recipe.parts.get("matching"), _distance(trainer)
    if matching is None or distance is None:
        return 0.0
    with trainer.fabric.autocast():
        candidate = sample_seconds(trainer) + _embedding(trainer, (distance.embed,))
    objective, refresh = trainer.objective, int(matching["refresh"])
    kinds = kinds_of(objective.generator, objective.prior, seen_in(trainer.dataset, refresh * trainer.settings.batch))
    return float(matching.get("pool", 0)) * kinds * candidate / refresh / trainer.workers.size


@torch.no_grad()
def choosing_seconds(trainer: Trainer) -> float:
    """Of codes that are chosen coarse to fine, a step's share of a round: the candidates of every level."""
    term = next((term for term in trainer.objective.terms if isinstance(term, LevelsTerm)), None)
    if term is None:
        return 0.0
    generator, seconds, before = term.generator, 0.0, None
    latents = trainer.objective.prior.sample(TIMED, stream(0, "timed")).z.detach().to(trainer.fabric.device)
    given = generator.condition(trainer.dataset.batch(0, TIMED, 0).to(trainer.fabric.device))
    assert given is not None
    with trainer.fabric.autocast():
        for level, code in enumerate(torch.split(latents, generator.codes, dim=1)):
            grow = partial(generator.grown, before, code, given, level)
            image = partial(generator.image, condition=given, level=level)
            seconds += term.pools[level] * timed(lambda: term.distance.embed(image(grow()))) / TIMED  # noqa: B023
            before = grow()
    examples = seen_in(trainer.dataset, term.refresh * trainer.settings.batch)
    return seconds * examples / term.refresh / trainer.workers.size


def preparing_seconds(trainer: Trainer) -> float:
    """Of what terms prepare beside matching, a step's share: the passes through the generator."""
    passes = sum(term.passes for term in trainer.objective.terms)
    if not passes:
        return 0.0
    return passes * trainer.settings.batch * sample_seconds(trainer) / trainer.workers.size


def _distance(trainer: Trainer) -> Distance | None:
    """That in which samples are pulled to examples, if they are: the objective's, its matching's or a term's."""
    objective = trainer.objective
    for holder in (getattr(objective, "rounds", objective), *objective.terms):
        found: Distance | None = getattr(holder, "distance", None)
        if found is not None:
            return found
    return None


@torch.no_grad()
def _embedding(trainer: Trainer, networks: Sequence[Callable[[Tensor], Tensor]]) -> float:
    """Of an image, by all of these."""
    images = torch.zeros(TIMED, *trainer.dataset.shape, device=trainer.fabric.device)
    return sum(timed(partial(network, images)) for network in networks) / TIMED


def _turn(network: nn.Module, *inputs: Tensor | None) -> float:
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    return timed(lambda: torch.autograd.grad(called(network, *inputs).sum(), weights, allow_unused=True))


def timed(work: Callable[[], object]) -> float:
    """The least of a few calls, after one that prepares what later ones only use."""
    work()
    found = []
    for _ in range(TRIALS):
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found)
