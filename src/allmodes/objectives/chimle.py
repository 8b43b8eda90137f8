r"""Hierarchical Conditional IMLE (CHIMLE: Peng, Moazeni & Li 2022): codes chosen coarse to fine, a loss at every level.

.. math:: \min_\theta \frac1{nL} \sum_i \sum_l |\phi(\downarrow_l x_i) - \phi(G^{(l)}_\theta(z_{i,1}..z_{i,l}, y_i))|^2

1. Every so many steps: for each example of the coming batches choose a code for its input, one level after the other,
   see :mod:`allmodes.matching.coarse_to_fine`.
2. Every step: descend the squared distance of what every level draws from that code to the example at its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.moment import Moment
from ..core.records import Assignment
from ..core.seeding import stream
from ..distances.base import Distance
from ..matching.coarse_to_fine import Levels, chosen, require_pools
from ..matching.coming import first_seen
from ..matching.rounds import evaluating
from ..networks.generators.cascade import Cascade, resized
from ..priors.base import Prior
from .base import Objective
from .terms import Loss, Step, Term


class LevelsTerm(Term):
    """The distance of what each level draws to the examples at its size, and the rounds that choose the codes.

    Args:
        generator: with levels.
        prior: where codes come from.
        distance: in which images of every level are compared.
        pools: candidates at each level, the coarsest first.
        refresh: steps between two rounds.
    """

    name = "levels"

    def __init__(
        self, generator: Cascade, prior: Prior, distance: Distance, *, pools: Sequence[int], refresh: int
    ) -> None:
        require_pools(pools, len(generator.scales))
        self.generator, self.prior, self.distance = generator, prior, distance
        self.pools, self.refresh = pools, refresh
        self.start, self.index = -1, torch.empty(0, dtype=torch.int64)
        self.assignment = Assignment(torch.empty(0, 0), torch.empty(0), torch.empty(0, dtype=torch.int64))

    def due(self, moment: Moment) -> bool:
        return self.start < 0 or moment.step >= self.start + self.refresh

    def prepare(self, moment: Moment) -> dict[str, float]:
        self.distance.update()
        index, images, inputs = self._coming(moment)

        def fresh(example: int, level: int, count: int) -> Tensor:
            rng = stream(moment.seed, "codes", moment.step, int(index[example]), level)
            return torch.split(self.prior.sample(count, rng).z, generator.codes, dim=1)[level]

        generator = self.generator
        levels = Levels(generator.codes, generator.grown, generator.image, self._at, self.distance.embed)
        with evaluating(generator):
            found = chosen(images, inputs, fresh, levels=levels, pools=self.pools, workers=moment.workers)
        self.assignment = found
        self.start, self.index = moment.step, index
        return {"matching/distance": float(self.assignment.distances.mean())}

    def _coming(self, moment: Moment) -> tuple[Tensor, Tensor, Tensor]:
        """Numbers (ascending), images and inputs of the examples of the coming batches, each once."""
        index, images, inputs, seen = [], [], [], set[int]()
        for ahead in range(self.refresh):
            batch = moment.upcoming(ahead)
            if new := first_seen(batch.index.tolist(), seen):
                assert batch.inputs is not None
                index.append(batch.index[new])
                images.append(batch.images[new])
                inputs.append(batch.inputs[new])
        numbers, order = torch.cat(index).sort()
        return numbers, torch.cat(images)[order].to(moment.device), torch.cat(inputs)[order].to(moment.device)

    def _at(self, images: Tensor, level: int) -> Tensor:
        scale = self.generator.scales[level]
        return resized(images, [side // scale for side in images.shape[2:]])

    def loss(self, step: Step) -> Loss:
        rows = torch.searchsorted(self.index, step.batch.index.cpu())
        z = self.assignment.latents[rows.to(self.assignment.latents.device)]
        assert step.batch.inputs is not None
        values = []
        for level, drawn in enumerate(self.generator.drawn(z, step.batch.inputs)):
            difference = self.distance.embed(drawn) - self.distance.embed(self._at(step.batch.images, level))
            values.append(difference.float().square().sum(1).mean())
        return Loss(torch.stack(values).mean(), {"loss": values[-1].detach()})

    def state_dict(self) -> dict[str, Tensor]:
        found = vars(self.assignment)
        return {"start": torch.tensor(self.start), "index": self.index, **found}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.start, self.index = int(state["start"]), state["index"].cpu()
        self.assignment = Assignment(state["latents"], state["distances"], state["age"])


class Chimle(Objective):
    """Every example pulls the answer whose code was chosen for it, at every size.

    Args:
        pools: candidates at each level, the coarsest first.
        refresh: steps between two rounds.

    Raises:
        UserError: the generator has no levels, or there is not a pool for each.
    """

    name = "chimle"

    def __init__(
        self,
        generator: Cascade,
        prior: Prior,
        *,
        distance: Distance,
        pools: Sequence[int] = (40, 40, 20, 10),
        refresh: int = 50,
    ) -> None:
        if not isinstance(generator, Cascade):
            raise UserError(f"The generator '{generator.name}' has no levels: take --generator cascade.")
        if refresh < 1:
            raise UserError(f"'objective.refresh' is {refresh}, but must be at least 1.")
        self.generator, self.prior = generator, prior
        self.terms = (LevelsTerm(generator, prior, distance, pools=pools, refresh=refresh),)

    def players(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}
