"""Rounds of matching: every r steps, match the examples of the next r batches at once.

The order of the data is known in advance, so a round looks at exactly the examples that will be used before the
next one. It serves data that is fixed and data that is composed afresh every batch alike. What it computed of these
examples is kept for the steps of the round, which descend the distance to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import attrgetter

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Assignment, Batch, Latents
from ..core.seeding import stream
from ..distances.base import Distance
from ..distances.sketch import sketch
from ..networks.base import made, made_in_turns
from ..networks.norm import settle
from ..priors.base import Prior
from .base import Matcher
from .candidates import Candidates, Kinds, Sought
from .coming import Coming, Matched, first_seen

KEEP = 2**28  # bytes of embeddings that are kept for the steps of a round
SETTLE = 4  # batches of samples whose statistics batch norm takes before a round


class Rounds:
    """The assignment in force, and when and how it is renewed.

    Args:
        matcher: decides which latent serves which example.
        distance: the space in which samples are near or far.
        generator: maps latents to samples.
        prior: where candidates come from.
        target: what of a batch is matched, ``(B, *shape)``: its images, unless a method matches something else of them.
        condition: what of a batch the generator is given, ``(B, ...)``: nothing, unless it is conditioned.
    """

    def __init__(
        self,
        matcher: Matcher,
        distance: Distance,
        *,
        generator: nn.Module,
        prior: Prior,
        target: Callable[[Batch], Tensor] = attrgetter("images"),
        condition: Callable[[Batch], Tensor | None] = lambda batch: None,
    ) -> None:
        self.target = target
        self.condition = condition
        self.matcher = matcher
        self.distance = distance
        self.generator = generator
        self.prior = prior
        self.part: Tensor | None
        self.end()

    def end(self) -> None:
        """Let go of the round in force: none is, as before the first."""
        self.start, self.part = -1, None
        self.coming: Coming | None = None
        self.place = torch.empty(0, dtype=torch.int64)
        self.assignment = Assignment(torch.empty(0, 0), torch.empty(0), torch.empty(0, dtype=torch.int64))

    def due(self, moment: Moment) -> bool:
        """Whether this step needs a new round."""
        return self.start < 0 or moment.step >= self.start + self.matcher.refresh

    @torch.no_grad()
    def renew(self, moment: Moment) -> dict[str, float]:
        """Match the examples of the coming ``refresh`` batches; returns the mean matched distance.

        Raises:
            UserError: candidates are dealt out among examples each of which has its own.
        """
        coming = self._begin(moment)
        if self.matcher.turns is not None and coming.kinds.apart:
            raise UserError(
                f"The matching '{self.matcher.name}' deals candidates out among examples, and a generator that is "
                "conditioned on inputs makes those of each example for it alone: take --matching nearest."
            )
        coming = coming if self.matcher.turns is None else coming.by_turn(self.matcher.turns)
        with evaluating(self.generator):  # a candidate must not depend on which others share its block
            found = self._match(coming.sought, moment, coming.kinds)
        self.start, self.place, self.part, self.assignment = moment.step, coming.place, coming.part, found
        return {"matching/distance": float(found.distances.mean())}

    def _begin(self, moment: Moment) -> Coming:
        """What every round begins with; returns its examples.

        Candidates are generated in evaluation mode, lest one depend on which others share its block. What batch norm
        has seen until now lags behind the weights, and in the first round is nothing: so it sees samples of now.
        """
        self.distance.update()
        settle(self.generator, (self._samples_to_see(moment, number) for number in range(SETTLE)))
        moved = not self.distance.steady or len(self.distance.moving().state_dict()) > 0
        self.matcher.measure(self._data(moment), again=moved)
        self.coming = self._coming_examples(moment)
        return self.coming

    def _samples_to_see(self, moment: Moment, number: int) -> Latents:
        """This process's share of latents of a batch like those of the training, ``(B, d)``."""
        batch = moment.upcoming(number)
        drawn = self.prior.sample(moment.batch_size, moment.rng("settle", number), self.prior.labels(batch))
        whole = replace(drawn, condition=self.condition(batch))
        return whole.share(moment.workers.rank, moment.workers.size).to(moment.device)

    def _data(self, moment: Moment) -> Iterator[Tensor]:
        """The examples of the data, each once, as they are searched; of data composed afresh those of the round."""
        seen: set[int] = set()
        ahead = 0
        while ahead < self.matcher.refresh if moment.examples is None else len(seen) < moment.examples:
            batch = moment.upcoming(ahead)
            if new := first_seen(batch.index.tolist(), seen):
                yield self._space(self.distance.embed(self.target(batch)[new].to(moment.device)))
            ahead += 1

    def _coming_examples(self, moment: Moment) -> Coming:
        index, first, embedded, targets, labels, conditions = [], [], [], [], [], []
        seen: set[int] = set()
        room = KEEP if self.distance.steady else -1
        for ahead in range(self.matcher.refresh):
            batch = moment.upcoming(ahead)
            index.append(batch.index)
            if new := first_seen(batch.index.tolist(), seen):
                images, numbers = self.target(batch)[new].to(moment.device), batch.index[new]
                first.append(numbers)
                labels.append(_rows(self.prior.labels(batch), new))
                conditions.append(_rows(self.condition(batch), new))
                embedding = self._embed(images, self._part(numbers, images, moment))
                embedded.append(self._space(embedding, self._together(images.shape[1:])))
                if (room := room - embedding.nbytes) >= 0:
                    targets.append(embedding)
        values, place = torch.unique(torch.cat(index), return_inverse=True)
        order = torch.cat(first).argsort().to(moment.device)
        kept = torch.cat(targets)[order] if room >= 0 and 2 * len(values) <= len(place) else None
        kinds = Kinds.among(len(values), *(_rows(_joined(given), order.cpu()) for given in (labels, conditions)))
        return Coming(values, torch.cat(embedded)[order], place, self._part(values, images, moment), kept, kinds)

    def _part(self, index: Tensor, images: Tensor, moment: Moment) -> Tensor | None:
        """The part that examples of these numbers are matched in in this round, ``(n,)``; None where whole."""
        if self.matcher.within == "whole":
            return None
        turn = moment.step // self.matcher.refresh
        return ((index + turn) % self.distance.parts(images.shape[1:])).to(moment.device)

    def _embed(self, images: Tensor, part: Tensor | None) -> Tensor:
        if part is None:
            return self.distance.embed(images)
        parts = self.distance.parts(images.shape[1:])
        turns = range(self._together(images.shape[1:]))
        return torch.cat([self.distance.embed_part(images, (part + turn) % parts) for turn in turns], dim=1)

    def _together(self, shape: Sequence[int]) -> int:
        """How many parts of an image of this shape are matched at a time."""
        return min(2 if self.matcher.within == "pair" else 1, self.distance.parts(shape))

    def _match(self, examples: Sought, moment: Moment, kinds: Kinds, data: Sought | None = None) -> Assignment:
        in_parts = self.matcher.within != "whole"

        def latents(block: int, size: int, labels: Tensor | None) -> Tensor:
            rng = stream(moment.seed, "pool", moment.step, block)
            return self.prior.sample(size, rng, labels).z.to(moment.device)

        candidates = Candidates(latents, lambda drawn: self._embedded(drawn, in_parts=in_parts), kinds)
        return self.matcher.match(examples, candidates, workers=moment.workers, data=data)

    def _space(self, embedded: Tensor, parts: int = 1) -> Tensor:
        """Embeddings ``(n, D)`` as they are searched, each of their parts by itself."""
        if self.matcher.project is None:
            return embedded.float()
        apart = embedded.float().reshape(len(embedded) * parts, -1)
        return sketch(apart, self.matcher.project).reshape(len(embedded), -1)

    def _embedded(self, drawn: Latents, *, in_parts: bool = False) -> Tensor:
        samples = made_in_turns(self.generator, drawn)
        shape = samples.shape[1:]
        embedded = self._space(self.distance.embed(samples), self.distance.parts(shape) if in_parts else 1)
        if not torch.isfinite(embedded).all():
            raise UserError("The generator's samples became NaN or infinite: lower optimizer.lr or objective.weight.")
        if not in_parts:
            return embedded
        apart = embedded.view(len(drawn), self.distance.parts(shape), -1)
        return torch.cat([apart.roll(-turn, 1) for turn in range(self._together(shape))], dim=2).flatten(1)

    def matched(self, moment: Moment, after: int = 0) -> Matched:
        """The matches of this process's share of this step's batch.

        Args:
            moment: where the training stands.
            after: of each example the one so many places further in the whole batch, which is taken as a circle.
        """
        whole = torch.arange(moment.batch_size)
        mine = whole.roll(-after)[moment.workers.rank :: moment.workers.size]
        rows = mine + (moment.step - self.start) * moment.batch_size
        here = self.place[rows].to(self.assignment.latents.device)
        part = None if self.part is None else self.part[here]
        return Matched(self.assignment.latents[here], part, self._targets(moment, rows))

    def _targets(self, moment: Moment, rows: Tensor) -> Tensor | None:
        """The kept embeddings of these entries of the round's batches."""
        if self.coming is None:  # since a checkpoint does not hold them
            since = moment.step - self.start
            began = replace(moment, step=self.start, upcoming=lambda ahead: moment.upcoming(ahead - since))
            with torch.no_grad():
                self.coming = self._coming_examples(began)
        if self.coming.targets is None:
            return None
        return self.coming.targets[self.coming.place[rows].to(self.coming.targets.device)]

    def distance_to(self, batch: Batch, matched: Matched) -> Tensor:
        r""":math:`|\phi(G(z_i)) - \phi(x_i)|^2` of every example of a batch, each in the part it was matched in.

        Args:
            batch: the examples.
            matched: their matches.

        Returns:
            ``(B,)``.
        """
        samples = made(self.generator, Latents(matched.latents, condition=self.condition(batch)))
        return self.squares(samples, self.target(batch), matched)

    def squares(self, samples: Tensor, examples: Tensor, matched: Matched) -> Tensor:
        """The squared distance of each sample to its example, in the part that this was matched in.

        Args:
            samples: ``(B, *shape)``.
            examples: ``(B, *shape)``.
            matched: the examples' matches.

        Returns:
            ``(B,)``.
        """
        targets = self._embed(examples, matched.part) if matched.targets is None else matched.targets
        embedded = self._embed(samples, matched.part).float()
        return F.mse_loss(embedded, targets.float(), reduction="none").sum(1)  # one pass, and one back

    def assigned(self) -> Tensor | None:
        """The latents in force, as often as they serve, ``(n, d)``; None where there are none."""
        known = torch.isfinite(self.assignment.distances)
        return self.assignment.latents[known] if bool(known.any()) else None

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint must hold for the round in force to go on."""
        return {
            "start": torch.tensor(self.start),
            **({} if self.part is None else {"part": self.part}),
            "place": self.place,
            "latents": self.assignment.latents,
            "distances": self.assignment.distances,
            "age": self.assignment.age,
            **{f"matcher.{key}": value for key, value in self.matcher.state_dict().items()},
            **{f"distance.{key}": value for key, value in self.distance.moving().state_dict().items()},
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take up a saved round."""
        self.start, self.part, self.coming = int(state["start"]), state.get("part"), None
        self.place = state["place"].cpu()
        self.assignment = Assignment(state["latents"], state["distances"], state["age"])
        self.matcher.load_state_dict(_below(state, "matcher."))
        self.distance.moving().load_state_dict(_below(state, "distance."))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within this context the network is in evaluation mode."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def _rows(values: Tensor | None, rows: Tensor | list[int]) -> Tensor | None:
    return None if values is None else values[rows]


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    """All parts in one; None where there are none."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose names begin so, without it."""
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
