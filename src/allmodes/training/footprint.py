"""How much memory a step takes, worked out before the first: what does not fit is refused, and not begun.

The networks are run on a few examples, and what they keep for the backward pass is weighed; a step of B examples keeps
B times as much. Weights are counted before any is made. These are estimates, within a factor of two of what a step
takes: they stop what cannot be, and what just does not fit ends in :func:`.processes.enough_memory`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.memory import SHARE, memory
from ..core.seeding import stream
from ..data.base import Dataset
from ..distances.base import Distance
from ..matching.base import Matcher
from ..matching.one_to_one import OneToOne
from ..networks.base import Discriminator, Generator, Judgement
from ..objectives.base import Objective
from ..priors.base import Prior

FLOAT = 4  # bytes
FEW = 4  # examples that are weighed
PER_WEIGHT = 5 * FLOAT  # weight, gradient, two moments, average
PER_ENTRY = 6 * 8  # bytes of the numbers and places of an example in a round


@dataclass(frozen=True)
class Need:
    """What takes memory.

    Args:
        bytes: of it.
        what: a plural, such as ``"128 examples at a time"``.
        option: to lower.
    """

    bytes: float
    what: str
    option: str


@dataclass(frozen=True)
class Kept:
    """What a network keeps of an example for its backward pass, in bytes: of all layers, and of the largest."""

    total: float = 0.0
    largest: float = 0.0

    @classmethod
    def of(cls, network: Callable[[int], Tensor]) -> Kept:
        """Run it on a few examples, and on twice as many; what does not grow is no example's."""
        few, more = _weighed(network, FEW), _weighed(network, 2 * FEW)
        growing = Counter(more) - Counter(few)
        return cls((sum(more) - sum(few)) / FEW, max(growing, default=0) / (2 * FEW))


def _weighed(network: Callable[[int], Tensor], count: int) -> list[int]:
    seen: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        seen[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no other takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(count)
    return [tensor.untyped_storage().nbytes() for tensor in seen.values()]


def require_weights(network: nn.Module, part: str, options: Mapping[str, Any], device: torch.device) -> None:
    """Refuse a network whose weights do not fit.

    Args:
        network: built on the device ``meta``, where it takes no memory.
        part: ``"generator"``, ``"discriminator"`` or ``"encoder"``.
        options: of the part.
        device: where it is to be.

    Raises:
        UserError: it is too large; the sentence names what to lower.
    """
    count = sum(weights.numel() for weights in network.parameters())
    widths = [f"{part}.{key}" for key, value in options.items() if isinstance(value, int) and "width" in key]
    _require(
        [Need(count * PER_WEIGHT, f"{count:,} weights of the {part}", (widths or [f"the sizes of {part}"])[0])], device
    )


def require_step(
    given: Mapping[str, Any],
    dataset: Dataset,
    objective: Objective,
    *,
    judged: Sequence[int],
    batch: int,
    device: torch.device,
) -> None:
    """Refuse a training of which a step, or a round of matching, does not fit.

    Args:
        given: the parts by name, as they were built: generator, prior, and discriminator, distance, matching if any.
        dataset: gives the examples.
        objective: says how many further steps of the discriminator, and what share of a sample, are held.
        judged: shape that the discriminator is built for: of an example, or of several at once.
        batch: examples of a step.
        device: where the networks are.

    Raises:
        UserError: it does not fit; the sentence names what to lower.
    """
    example = FLOAT * math.prod(dataset.shape)
    with torch.random.fork_rng():
        generator, critic, encoder, distance = (
            _generator(given, dataset, device),
            _seen(given, "discriminator", judged, dataset, device),
            _seen(given, "encoder", dataset.shape, dataset, device),
            _seen(given, "distance", dataset.shape, dataset, device),
        )
    packs = math.prod(dataset.shape) / math.prod(judged)  # an example
    kept = objective.answers * objective.share * generator.total + distance.total
    kept += 2 * objective.answers * (1 + objective.unroll) * packs * critic.total  # it sees data and samples
    kept += 3 * encoder.total  # and it data, views of them, and samples
    needs = [Need(batch * (2 * example + kept), f"{batch:,} examples at a time", "batch")]
    if "matching" in given and "distance" in given:
        block = 2 * example + 2 * max(generator.largest, distance.largest)
        needs += _round(given, dataset, batch=batch, block=block, device=device)
    _require(needs, device)


def _generator(given: Mapping[str, Any], dataset: Dataset, device: torch.device) -> Kept:
    prior: Prior = given["prior"]
    generator: Generator = given["generator"]

    def run(count: int) -> Tensor:
        z = prior.sample(count, stream(0, "weighed")).z.detach().to(device)
        free = generator.conditioned is None
        return called(generator, z, None if free else generator.condition(dataset.batch(0, count, 0).to(device)))

    return Kept.of(run)


def _seen(given: Mapping[str, Any], name: str, shape: Sequence[int], dataset: Dataset, device: torch.device) -> Kept:
    """What the discriminator, the encoder or the distance, if there is one, keeps of an image that it sees."""

    def run(count: int) -> Tensor:
        images, network = torch.zeros(count, *shape, device=device, requires_grad=True), given[name]
        if name == "distance":
            return network.embed(images)  # type: ignore[no-any-return]
        if not isinstance(network, Discriminator):
            return called(network, images)
        return called(network, images, network.condition(dataset.batch(0, count, 0).to(device)))

    return Kept.of(run) if name in given else Kept()


def called(network: nn.Module, *inputs: Tensor | None) -> Tensor:
    """A network's output, of a discriminator the scores; what it notes of inputs, such as their mean, is forgotten."""
    own = {name: values.clone() for name, values in network.named_buffers()}
    found = torch.func.functional_call(network, own, inputs)
    output = found.scores if isinstance(found, Judgement) else found
    assert isinstance(output, Tensor)
    return output


def _round(given: Mapping[str, Any], dataset: Dataset, *, batch: int, block: float, device: torch.device) -> list[Need]:
    """What a round of matching holds: the examples until the next one, and candidates.

    Args:
        given: the matcher, which says how many of either, the distance, which gives the embeddings, and the prior and
            the generator, which say for how many kinds of examples candidates are made.
        dataset: gives the examples.
        batch: examples of a step.
        block: bytes of a candidate while it is generated and embedded.
        device: where the networks are.
    """
    matcher: Matcher = given["matching"]
    distance: Distance = given["distance"]
    with torch.no_grad():
        width = distance.embed(torch.zeros(1, *dataset.shape, device=device)).shape[1]
    parts = 1 if matcher.within == "whole" else distance.parts(dataset.shape)
    together = min(2 if matcher.within == "pair" else 1, parts)
    searched = FLOAT * together * (width if matcher.project is None else matcher.project * parts)  # bytes
    entries = matcher.refresh * batch
    examples = seen_in(dataset, entries)
    alone = isinstance(matcher, OneToOne)
    if matcher.turns is not None:
        examples = max(examples, entries // matcher.turns)
    pool = getattr(matcher, "pool", 1) * kinds_of(given["generator"], given["prior"], examples)
    at_once = getattr(matcher, "block", 1)
    candidates = max(pool, examples // parts) if alone else pool
    streamed = not alone and matcher.backend.streams  # type: ignore[attr-defined]
    held = min(at_once, candidates) if streamed else candidates
    pairs = 3 * FLOAT * (examples // parts) * candidates if alone else 0
    asked = Need(
        entries * PER_ENTRY + 2 * examples * searched // parts + pairs,
        f"{entries:,} examples that are matched at once",
        "matching.refresh",
    )
    option = "matching.block" if streamed else "matching.pool" if pool >= candidates else "matching.refresh"
    return [
        asked,
        Need(held * searched, f"the embeddings of {held:,} candidates", option),
        Need(min(at_once, candidates) * block, f"{at_once:,} candidates at a time", "matching.block"),
    ]


def seen_in(dataset: Dataset, entries: int) -> int:
    """How many different examples so many are, at most."""
    return min(entries, len(dataset)) if dataset.fixed else entries


def kinds_of(generator: Generator, prior: Prior, examples: int) -> int:
    """For how many kinds of these examples a round makes a pool of candidates."""
    if generator.conditioned == "inputs":
        return examples
    return (generator.classes if generator.conditioned == "labels" else prior.classes) or 1


def _require(needs: Sequence[Need], device: torch.device) -> None:
    gpu = device.type == "cuda"
    there = torch.cuda.get_device_properties(device).total_memory if gpu else memory()
    needed = sum(need.bytes for need in needs)
    if needed <= SHARE * there:
        return
    chief = max(needs, key=lambda need: need.bytes)
    raise UserError(
        f"A step needs about {needed / 2**30:,.0f} GiB, most of it for {chief.what}, and this "
        f"{'GPU' if gpu else 'machine'} has {there / 2**30:,.0f}: lower {chief.option}."
    )
