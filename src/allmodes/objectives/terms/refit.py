r"""No summand but the law that the others are taken under: now and then the prior is fitted to latents of real images.

1. E: some training images are inverted, :math:`z_i = \arg\min_z |G(z) - x_i|^2 + \lambda |z - z_i^0|^2`, from where
   they were the last time, or from the nearest of fresh samples if that is nearer, by a few steps of Adam.
2. M: the mixture is fitted to these latents.

Of fresh samples there are as many of each component: where each had its share of them, components with much of it got
more, and the others died.
This is expectation-maximisation with one latent in the place of the posterior. A start is a draw of the prior, and the
tether lets the latent move in what matters to the image alone: in everything else it stays such a draw, as one of the
posterior is. Without it the fitted variances grew from fit to fit, and components lost what they had in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.moment import Moment
from ...core.records import Latents
from ...core.seeding import stream
from ...matching import Nearest
from ...matching.candidates import Candidates, Kinds, Sought
from ...matching.coming import first_seen
from ...matching.inversion import RATE, Inverted, invert, size_of
from ...matching.rounds import SETTLE, evaluating
from ...networks.base import Generator
from ...networks.norm import settle
from ...priors.fitted_mixture import FittedMixture
from .base import Loss, Step, Term

REFITS = 8  # in mnist/gm-gan-em
BLOCK = 500  # samples that are searched at once
TETHER = 0.1  # of the squared distance at the start is what a move by the size of the prior costs


class RefitTerm(Term):
    """The same images are inverted each time: the first in the order of the data.

    Args:
        generator: makes samples.
        prior: is fitted.
        every: images of training between two fits.
        inverted: images that are inverted for one.
        steps: of Adam for each.
        pool: samples to start from.

    Raises:
        UserError: a number is not positive, there are fewer images than components, or samples have conditions.
    """

    name = "refit"

    def __init__(
        self, generator: Generator, prior: FittedMixture, *, every: int, inverted: int, steps: int, pool: int
    ) -> None:
        for field, value in {"every": every, "inverted": inverted, "steps": steps, "pool": pool}.items():
            if value < 1:
                raise UserError(f"'objective.{field}' is {value}, but must be at least 1.")
        if inverted < prior.components:
            raise UserError(
                f"'objective.inverted' is {inverted}, too few images to fit the {prior.components} components of the "
                "prior to: raise it, or lower 'prior.components'."
            )
        if generator.conditioned is not None:
            raise UserError(
                f"The generator '{generator.name}' is conditioned on {generator.conditioned}, and images are inverted "
                "without: take one that is not, as in --generator mlp."
            )
        self.generator = generator
        self.prior = prior
        self.every = every
        self.inverted = inverted
        self.steps = steps
        self.pool = Nearest(pool=pool, block=BLOCK)
        self.known: Tensor | None = None
        self.passes = (pool + inverted + 3 * steps * inverted) / every

    def note(self, images: int) -> str | None:
        if images > self.every:
            return None
        return (
            f"the mixture is fitted every {self.every:,} images, and this training has {images:,}: it stays as it is. "
            f"--objective.every {max(images // REFITS, 1)} fits it as often as mnist/gm-gan-em does."
        )

    def on(self, moment: Moment) -> bool:
        return False

    def loss(self, step: Step) -> Loss:
        raise RuntimeError("refit is no summand")

    def due(self, moment: Moment) -> bool:
        before, now = (step * moment.batch_size // self.every for step in (moment.step - 1, moment.step))
        return 0 <= before < now

    def prepare(self, moment: Moment) -> dict[str, float]:
        """Invert, and fit; returns how far samples are from the images, and how many components stayed as they were."""
        images = self._images(moment)
        settle(self.generator, (self._samples_to_see(moment, number) for number in range(SETTLE)))
        with evaluating(self.generator):
            starts = self._starts(images, moment)
            scale = size_of(self._drawn(moment, 0, BLOCK))
            size = starts.latents.shape[1] * scale**2
            mine = torch.arange(-(-len(images) // moment.workers.size) * moment.workers.size) % len(images)
            mine = mine[moment.workers.rank :: moment.workers.size].to(moment.device)
            found = invert(
                images[mine],
                starts.latents[mine],
                generate=self._generate,
                device=moment.device,
                steps=self.steps,
                rate=RATE * scale,
                tether=TETHER * float(starts.distances.square().mean()) / size,
            )
        latents, distances = (
            moment.workers.gather(part).transpose(0, 1).flatten(0, 1)[: len(images)]
            for part in (found.latents, found.distances)
        )
        self.known = latents
        kept = self.prior.fit(latents)
        for buffer in self.prior.buffers():  # the last bit of a fit may be the machine's
            buffer.copy_(moment.workers.gather(buffer)[0])
        return {"refit/distance": float(distances.mean()), "refit/kept": float(kept)}

    def _generate(self, z: Tensor) -> Tensor:
        made: Tensor = self.generator(z)
        return made.float()

    def _samples_to_see(self, moment: Moment, number: int) -> Latents:
        drawn = self.prior.sample(moment.batch_size, moment.rng("settle", number))
        return drawn.share(moment.workers.rank, moment.workers.size).to(moment.device)

    def _images(self, moment: Moment) -> Tensor:
        """The first of the data, ``(n, *shape)``, each once; all of them where there are fewer than are wanted."""
        wanted = min(self.inverted, moment.examples or self.inverted)
        seen: set[int] = set()
        found: list[Tensor] = []
        while len(seen) < wanted:
            batch = moment.upcoming(len(found) - moment.step)
            found.append(batch.images[first_seen(batch.index.tolist(), seen)])
        return torch.cat(found)[:wanted].to(moment.device)

    @torch.no_grad()
    def _starts(self, images: Tensor, moment: Moment) -> Inverted:
        """Where the descent of each image begins."""
        candidates = Candidates(
            lambda block, size, labels: self._drawn(moment, block, size),
            lambda drawn: self._generate(drawn.z).flatten(1),
            Kinds.among(len(images)),
        )
        found = self.pool.match(Sought.of(images.flatten(1)), candidates, workers=moment.workers)
        if self.known is None:
            return Inverted(found.latents, found.distances)
        parts = zip(torch.split(self.known, BLOCK), torch.split(images, BLOCK), strict=True)
        again = torch.cat([(self._generate(z) - part).flatten(1).norm(dim=1) for z, part in parts])
        nearer = again <= found.distances
        latents = torch.where(nearer[:, None], self.known, found.latents)
        return Inverted(latents, torch.where(nearer, again, found.distances))

    def _drawn(self, moment: Moment, block: int, size: int) -> Tensor:
        """Latents to start from, ``(size, d)``, as many of each component."""
        noise = self.prior.noise(size, stream(moment.seed, "refit", moment.step, block))
        evenly = replace(noise, component=torch.arange(size) % self.prior.components)
        return self.prior.drawn(evenly).z.to(moment.device)

    def state_dict(self) -> dict[str, Tensor]:
        known = {} if self.known is None else {"known": self.known}
        return {**known, **{f"prior.{key}": value for key, value in self.prior.state_dict().items()}}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.known = state.get("known")
        self.prior.load_state_dict({k.removeprefix("prior."): v for k, v in state.items() if k.startswith("prior.")})
