"""Rounds of matching: every r steps, match the examples of the next r batches at once.

The order of the data is known in advance, so a round looks at exactly the examples that will be used before the
next one. It serves data that is fixed and data that is composed afresh every batch alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Assignment
from ..core.seeding import stream
from ..distances.base import Distance
from ..distances.sketch import sketch
from ..priors.base import Prior
from .base import Matcher, part_of


@dataclass(frozen=True)
class Matched:
    """Matched latents ``(B, d)``, and the part of the embedding that each example was matched in, ``(B,)``."""

    latents: Tensor
    part: Tensor


@dataclass(frozen=True)
class Coming:
    """The examples of the batches until the next round.

    Args:
        index: their numbers in the data, each once, ascending, int64 ``(n,)``.
        embedded: their embeddings, as they are searched, ``(n, D)``.
        place: the row of each entry of the batches among them, int64 ``(refresh * batch,)``.
    """

    index: Tensor
    embedded: Tensor
    place: Tensor


class Rounds:
    """The assignment in force, and when and how it is renewed.

    Args:
        matcher: decides which latent serves which example.
        distance: the space in which samples are near or far.
        generator: maps latents to samples.
        prior: where candidates come from.
    """

    def __init__(self, matcher: Matcher, distance: Distance, *, generator: nn.Module, prior: Prior) -> None:
        self.matcher = matcher
        self.distance = distance
        self.generator = generator
        self.prior = prior
        self.start = -1
        self.parts = 1
        self.place = torch.empty(0, dtype=torch.int64)
        self.assignment = Assignment(torch.empty(0, 0), torch.empty(0), torch.empty(0, dtype=torch.int64))

    def due(self, moment: Moment) -> bool:
        """Whether this step needs a new round."""
        return self.start < 0 or moment.step >= self.start + self.matcher.refresh

    @torch.no_grad()
    def renew(self, moment: Moment) -> dict[str, float]:
        """Match the examples of the coming ``refresh`` batches; returns the mean matched distance."""
        self.distance.update()
        coming = self._coming_examples(moment)
        with evaluating(self.generator):  # a candidate must not depend on which others share its block
            found = self._match(coming.embedded, moment)
        self.start, self.place, self.assignment = moment.step, coming.place, found
        return {"matching/distance": float(found.distances.mean())}

    def _coming_examples(self, moment: Moment) -> Coming:
        index, first, embedded = [], [], []
        seen: set[int] = set()
        for ahead in range(self.matcher.refresh):
            batch = moment.upcoming(ahead)
            self.parts = self.distance.parts(batch.images.shape[1:]) if self.matcher.within == "part" else 1
            index.append(batch.index)
            if new := _first_seen(batch.index.tolist(), seen):
                first.append(batch.index[new])
                embedded.append(self._space(self.distance.embed(batch.images[new].to(moment.device))))
        values, place = torch.unique(torch.cat(index), return_inverse=True)
        order = torch.cat(first).argsort().to(moment.device)
        return Coming(values, torch.cat(embedded)[order], place)

    def _match(self, examples: Tensor, moment: Moment) -> Assignment:
        return self.matcher.match(
            examples,
            lambda block, size: self._draw(moment, block, size),
            embed=self._embedded,
            workers=moment.workers,
            parts=self.parts,
        )

    def _space(self, embedded: Tensor) -> Tensor:
        """Embeddings ``(n, D)`` as they are searched."""
        return embedded.float() if self.matcher.project is None else sketch(embedded.float(), self.matcher.project)

    def _embedded(self, z: Tensor) -> Tensor:
        embedded = self._space(self.distance.embed(self.generator(z)))
        if not torch.isfinite(embedded).all():
            raise UserError("The generator's samples became NaN or infinite: lower optimizer.lr or objective.weight.")
        return embedded

    def _draw(self, moment: Moment, block: int, size: int) -> Tensor:
        rng = stream(moment.seed, "pool", moment.step, block)
        return self.prior.sample(size, rng).z.to(moment.device)

    def matched(self, moment: Moment) -> Matched:
        """The matches of this process's share of this step's batch."""
        offset = (moment.step - self.start) * moment.batch_size
        here = self.place[offset : offset + moment.batch_size][moment.workers.rank :: moment.workers.size]
        here = here.to(self.assignment.latents.device)
        return Matched(self.assignment.latents[here], here % self.parts)

    def distance_to(self, examples: Tensor, matched: Matched) -> Tensor:
        r"""Mean of :math:`|\phi(G(z_i)) - \phi(x_i)|^2` over a batch, each in the part it was matched in.

        Args:
            examples: ``(B, *shape)``.
            matched: their matches.
        """
        difference = self.distance.embed(self.generator(matched.latents)) - self.distance.embed(examples)
        return part_of(difference.float(), self.parts, matched.part).pow(2).sum(1).mean()

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint must hold for the round in force to go on."""
        return {
            "start": torch.tensor(self.start),
            "parts": torch.tensor(self.parts),
            "place": self.place,
            "latents": self.assignment.latents,
            "distances": self.assignment.distances,
            "age": self.assignment.age,
            **{f"distance.{key}": value for key, value in self.distance.state_dict().items()},
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up a saved round."""
        self.start, self.parts = int(state["start"]), int(state["parts"])
        self.place = state["place"].cpu()
        self.assignment = Assignment(state["latents"], state["distances"], state["age"])
        moving = {k.removeprefix("distance."): v for k, v in state.items() if k.startswith("distance.")}
        self.distance.load_state_dict(moving)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within this context the network is in evaluation mode."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _first_seen(numbers: list[int], seen: set[int]) -> list[int]:
    """The rows of the numbers that were not seen before; they are now."""
    rows = []
    for row, number in enumerate(numbers):
        if number not in seen:
            seen.add(number)
            rows.append(row)
    return rows
