"""What a training leaves behind: prior, generator, card, perhaps an encoder. All that sampling, audit and export need.

A model is a folder: ``model.safetensors`` (weights) and ``config.json`` (names and arguments of prior, generator and
encoder, and the card), each with the hash of its content, so that one flipped bit is noticed. It holds no code and no
pickle; names resolve only through the project's own rooms. A training that has not ended has a model too, in its newest
checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import digest, write_json
from ..core.progress import track
from ..core.records import Latents
from ..core.tensors import save_tensors
from ..data.palettes import Palette
from ..matching.inversion import RATE, Inverted, invert, nearest, size_of
from ..networks.base import Encoder, Generator, made_in_turns
from ..priors import draws
from ..priors.base import Prior

SCHEMA = 2  # 1 had no hashes
BLOCK = 500  # examples that the generator makes at once
PIXELS = BLOCK * 2**12  # of all of these, lest large ones take more memory
ASKS = (
    "This model answers inputs, and has none to answer: give a picture or a folder of them with --inputs, or in Python "
    "sample(n, condition=inputs)."
)


class Model:
    """A generator with the prior that feeds it.

    Args:
        generator: ``(n, d) -> (n, *shape)``.
        prior: law of the latents.
        config: the parts they were built from: ``{"generator": {...}, "prior": {...}, "shape": [...]}``.
        card: what it was trained on, and how.
        encoder: reads from images which component of the prior they are of, where one was trained.
    """

    def __init__(
        self,
        generator: Generator,
        prior: Prior,
        *,
        config: Mapping[str, Any],
        card: Mapping[str, Any],
        encoder: Encoder | None = None,
    ) -> None:
        self.generator = generator.eval()
        self.prior = prior.eval()
        self.config = dict(config)
        self.card = dict(card)
        self.encoder = None if encoder is None else encoder.eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.generator.parameters()).device

    @property
    def palette(self) -> Palette | None:
        """The colours of labels, where it answers label maps."""
        return Palette(tuple(self.config["palette"])) if "palette" in self.config else None

    @property
    def classes(self) -> int | None:
        """How many classes there are to draw, of the generator's or of the prior's; None where neither knows any."""
        return self.generator.classes if self.generator.conditioned == "labels" else self.prior.classes

    @torch.no_grad()
    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of latents, ``(n, d) -> (n, *shape)``, on the CPU; of a conditional generator, under ``(n, ...)``.

        Some generators go beyond the range of pixels; here it is cut off, as in a file.
        """
        self._require(condition, len(z))
        parts = Latents(z, condition=condition).split(self._together(condition))
        shown = track(parts, len(parts), f"Making {len(z):,} samples")
        found = torch.cat([made_in_turns(self.generator, part.to(self.device)).float().cpu() for part in shown])
        return found.clamp_(-1, 1) if found.ndim == 4 else found

    def _together(self, condition: Tensor | None) -> int:
        """How many examples are made at once."""
        if condition is None or self.generator.conditioned != "inputs":
            return BLOCK
        pixels: int = prod(self.config["shape"][1:]) * prod(condition.shape[-2:]) // prod(self.config["inputs"][-2:])
        return max(1, min(BLOCK, PIXELS // pixels))

    def draw(
        self,
        n: int,
        *,
        seed: int = 0,
        sigma: float = 1.0,
        component: int | None = None,
        label: int | None = None,
        condition: Tensor | None = None,
    ) -> Latents:
        """``n`` latents, as :meth:`sample`. The first of a longer draw are those of a shorter one."""
        if sigma != 1 and self.generator.directional and self.prior.centred:
            raise UserError(
                f"The generator '{self.generator.name}' draws by the direction of a latent, which sigma does not "
                f"change where latents lie around 0 (the prior '{self.prior.name}'): leave sigma at 1."
            )
        self._require(condition, n)
        return self._drawn(n, seed=seed, sigma=sigma, component=component, label=label, condition=condition)

    def _drawn(
        self,
        n: int,
        *,
        seed: int,
        sigma: float = 1.0,
        component: int | None = None,
        label: int | None = None,
        condition: Tensor | None = None,
    ) -> Latents:
        labels = self._labels(n, seed=seed, component=component, label=label, condition=condition)
        own = None if self.prior.classes is None else labels
        found = draws.latents(self.prior, n, seed=seed, sigma=sigma, component=component, labels=own)
        return replace(found, condition=labels if self.generator.conditioned == "labels" else condition)

    def _require(self, condition: Tensor | None, n: int) -> None:
        """Raise a UserError unless the generator can make ``n`` images under these conditions, or without any."""
        if condition is not None:
            self.generator.require(condition, n)
        elif self.generator.conditioned == "inputs":
            raise UserError(ASKS)

    def _labels(
        self, n: int, *, seed: int, component: int | None, label: int | None, condition: Tensor | None
    ) -> Tensor | None:
        """The class of each of ``n`` samples, int64 ``(n,)``; None where there are no classes."""
        given = {"component": component, "label": label, "condition": condition}
        asked = [name for name, value in given.items() if value is not None]
        if len(asked) > 1:
            raise UserError(f"Samples of a {asked[0]} and of a {asked[1]} were asked for: give one of the two.")
        if condition is not None and self.generator.conditioned == "labels":
            return condition.cpu().long()
        shares, known = self.card.get("classes"), self.classes
        return draws.labels(self.prior, n, known, seed=seed, label=label, component=component, shares=shares)

    def sample(
        self,
        n: int,
        seed: int = 0,
        sigma: float = 1.0,
        component: int | None = None,
        label: int | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """``n`` samples, float ``(n, *shape)``, images in [-1, 1].

        Args:
            n: their number.
            seed: of the draw.
            sigma: how far the noise goes from the centre of the law, or of its component, in what it was trained
                with. Below 1, samples are more typical and less diverse (Ben-Yosef & Weinshall 2018).
            component: of a mixture, the only one to draw from.
            label: the only class to draw, where there are classes. Without it classes come as often as in the data.
            condition: what a conditional generator is given: the label of each sample, int64 ``(n,)``, or its input,
                ``(n, ...)``.

        Raises:
            UserError: ``n`` or ``sigma`` is not positive, ``sigma`` would change nothing, or the model has no such
                component, class or condition.
        """
        found = self.draw(n, seed=seed, sigma=sigma, component=component, label=label, condition=condition)
        return self.decode(found.z, found.condition)

    def invert(
        self, images: Tensor, *, pool: int = 10_000, steps: int = 100, seed: int = 0, condition: Tensor | None = None
    ) -> Inverted:
        """How near the generator can get to images: recall by latent optimisation (Metz et al. 2017, section 3.3.3).

        From the nearest of a pool of samples, Adam descends the squared distance in the latent, which may leave the
        bulk of the prior; its steps are in proportion to the prior's size. The distance is that of the nearest point on
        the way: at most that of the pool.

        Args:
            images: ``(n, *shape)``, in [-1, 1].
            pool: samples to start from.
            steps: of Adam.
            seed: of the pool.
            condition: what a conditional generator is given for each image, ``(n, ...)``. Without it, one that is
                conditioned on labels takes that of the nearest sample, and one on inputs is refused.
        """
        self._require(condition, len(images))
        generate, device, drawn = self.generator, self.device, self._drawn(pool, seed=seed)
        start = nearest(drawn, images, generate=generate, device=device, condition=condition)
        own, rate = start.condition, RATE * size_of(self._drawn(BLOCK, seed=seed).z)
        found = invert(images, start.z, generate=generate, device=device, steps=steps, rate=rate, condition=own)
        made_of = self.decode(found.latents, own)  # cut off at the range of pixels, and so perhaps nearer
        return replace(found, distances=(made_of.to(images.device) - images).flatten(1).norm(dim=1))

    @torch.no_grad()
    def read_components(self, images: Tensor) -> Tensor:
        """The component that the encoder reads from each image ``(n, *shape)``, int64 ``(n,)``, on the CPU.

        Raises:
            UserError: no encoder was trained with the model.
        """
        if self.encoder is None:
            raise UserError("This model has no encoder that reads components: train one, as in mnist/info-gan.")
        parts = images.split(BLOCK)  # type: ignore[no-untyped-call]
        return torch.cat([self.encoder(part.to(self.device)).argmax(1).cpu() for part in parts])

    def to(self, device: torch.device | str) -> Model:
        """Move the weights."""
        self.generator.to(device)
        self.prior.to(device)
        if self.encoder is not None:
            self.encoder.to(device)
        return self

    def solve_in(self, steps: int) -> Model:
        """Take so many steps for a sample from now on: of a flow, the more, the nearer to the law that was learnt.

        Raises:
            UserError: the generator takes no steps, or ``steps`` is below 1.
        """
        self.generator.solve_in(steps)
        self.config["generator"] = {**self.config["generator"], "steps": steps}
        return self

    def save(self, folder: Path) -> None:
        """Write the model folder; each file is replaced whole."""
        parts = {"generator": self.generator, "prior": self.prior, "encoder": self.encoder}
        there = {name: part for name, part in parts.items() if part is not None}
        weights = {f"{name}.{k}": v for name, part in there.items() for k, v in part.state_dict().items()}
        found = save_tensors(Path(folder) / "model.safetensors", weights)
        document = {"schema": SCHEMA, **self.config, "card": self.card, "weights": found}
        write_json(Path(folder) / "config.json", {**document, "hash": hash_of(document)})


def hash_of(document: Mapping[str, Any]) -> str:
    """Of what config.json says, but for the hash itself."""
    return digest(json.dumps(document, sort_keys=True))
