"""What a training leaves behind: prior, generator, card, perhaps an encoder. All that sampling, audit and export need.

A model is a folder: ``model.safetensors`` (weights) and ``config.json`` (names and arguments of prior, generator and
encoder, and the card), each with the hash of its content, so that one flipped bit is noticed. It holds no code and no
pickle; names resolve only through the project's own rooms. A training that has not ended has a model too, in its newest
checkpoint.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .core.configuration import build_part, resolve_part
from .core.errors import UserError
from .core.files import digest, read_object, write_json
from .core.progress import track, working
from .core.seeding import stream
from .core.tensors import TensorFile, load_newest, load_tensors, read_tensors, save_tensors
from .core.workers import Alone
from .matching import Nearest
from .matching.inversion import Inverted, invert
from .networks.base import Encoder, Generator
from .priors.base import Prior

GENERATORS = "allmodes.networks.generators"
PRIORS = "allmodes.priors"
ENCODERS = "allmodes.networks.encoders"
SCHEMA = 2  # 1 had no hashes
CHECKPOINTS = "step-*.safetensors"
BLOCK = 500  # examples that the generator makes at once
DRAWN = 500  # latents that are drawn at once: samples are by this, too


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

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Images of latents, ``(n, d) -> (n, *shape)``, on the CPU."""
        parts = torch.split(z, BLOCK)
        shown = track(parts, len(parts), f"Making {len(z):,} samples")
        return torch.cat([self.generator(part.to(self.device)).float().cpu() for part in shown])

    def draw(
        self, n: int, *, seed: int = 0, sigma: float = 1.0, component: int | None = None, label: int | None = None
    ) -> Tensor:
        """``n`` latents ``(n, d)``, as :meth:`sample`. The first of a longer draw are those of a shorter one."""
        self._require(sigma, component, label)
        labels = None if label is None else torch.full((DRAWN,), label)
        blocks = []
        for block in range(-(-n // DRAWN)):
            noise = self.prior.noise(DRAWN, stream(seed, "sample", block)).scaled(sigma)
            noise = noise if component is None else noise.of(component)
            blocks.append(self.prior.drawn(noise, labels).z)
        return torch.cat(blocks)[:n]

    def sample(
        self, n: int, seed: int = 0, sigma: float = 1.0, component: int | None = None, label: int | None = None
    ) -> Tensor:
        """``n`` samples, float ``(n, *shape)``, images in [-1, 1].

        Args:
            n: their number.
            seed: of the draw.
            sigma: how far the noise goes from the centre of the law, or of its component, in what it was trained
                with. Below 1, samples are more typical and less diverse (Ben-Yosef & Weinshall 2018).
            component: of a mixture, the only one to draw from.
            label: the only class to draw, where classes own components.

        Raises:
            UserError: ``n`` or ``sigma`` is not positive, or the prior has no such component or class.
        """
        if n < 1:
            raise UserError(f"Cannot draw {n} samples: the number must be at least 1.")
        return self.decode(self.draw(n, seed=seed, sigma=sigma, component=component, label=label))

    def _require(self, sigma: float, component: int | None, label: int | None) -> None:
        if not 0 < sigma < float("inf"):
            raise UserError(f"Cannot scale the noise by a sigma of {sigma}: it must be above 0, and finite.")
        if component is not None and label is not None:
            raise UserError("Samples of a component and of a label were asked for: give one of the two.")
        for what, number, known in (
            ("component", component, self.prior.components),
            ("label", label, self.prior.classes),
        ):
            if number is None:
                continue
            kinds = "components" if what == "component" else "classes"
            if known is None:
                raise UserError(f"The prior '{self.prior.name}' of this model has no {kinds}: leave out the {what}.")
            if not 0 <= number < known:
                raise UserError(f"There is no {what} {number}: the prior of this model has 0 to {known - 1}.")

    def invert(self, images: Tensor, *, pool: int = 10_000, steps: int = 100, seed: int = 0) -> Inverted:
        """How near the generator can get to images: recall by latent optimisation (Metz et al. 2017, section 3.3.3).

        From the nearest of a pool of samples, Adam descends the squared distance in the latent, which may leave the
        bulk of the prior. The distance is that of the nearest point on the way: at most that of the pool.

        Args:
            images: ``(n, *shape)``, in [-1, 1].
            pool: samples to start from.
            steps: of Adam.
            seed: of the pool.
        """
        return invert(
            images,
            self._nearest_of(self.draw(pool, seed=seed), images),
            generate=self.generator,
            device=self.device,
            steps=steps,
        )

    @torch.no_grad()
    def _nearest_of(self, latents: Tensor, images: Tensor) -> Tensor:
        """For each image the latent whose sample is nearest, ``(n, d)``; samples are held a block at a time."""
        search = Nearest(pool=len(latents), block=BLOCK)
        with working(f"Searching {len(latents):,} samples", -(-len(latents) // BLOCK)) as advance:

            def samples(z: Tensor) -> Tensor:
                advance(1)
                made: Tensor = self.generator(z.to(self.device))
                return made.float().to(images.device).flatten(1)

            return search.match(
                images.flatten(1),
                lambda block, size: latents[block * BLOCK :][:size].to(images.device),
                embed=samples,
                workers=Alone(),
            ).latents

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

    def save(self, folder: Path) -> None:
        """Write the model folder; each file is replaced whole."""
        parts = {"generator": self.generator, "prior": self.prior, "encoder": self.encoder}
        there = {name: part for name, part in parts.items() if part is not None}
        weights = {f"{name}.{k}": v for name, part in there.items() for k, v in part.state_dict().items()}
        found = save_tensors(Path(folder) / "model.safetensors", weights)
        document = {"schema": SCHEMA, **self.config, "card": self.card, "weights": found}
        write_json(Path(folder) / "config.json", {**document, "hash": _hash(document)})


def build_networks(config: Mapping[str, Any]) -> tuple[Generator, Prior]:
    """Prior and generator, freshly initialised, from their parts and the shape of the data."""
    prior = build_part(PRIORS, Prior, config["prior"], {})
    given = {"shape": tuple(config["shape"]), "latent": prior.dim}
    return build_part(GENERATORS, Generator, config["generator"], given), prior


def load(path: str | Path) -> Model:
    """Load a run folder or a model folder. Of a training that has not ended, the newest checkpoint is taken, and said.

    Raises:
        UserError: there is no model, or its files are damaged.
    """
    folder = Path(path)
    folder = folder / "model" if (folder / "model").is_dir() else folder
    if (folder / "config.json").exists():
        return _from_folder(folder)
    newest = load_newest(folder / "checkpoints", CHECKPOINTS)
    if newest is not None:
        return _from_checkpoint(newest, path)
    if (folder / "recipe.yaml").exists() or (folder / "checkpoints").is_dir():
        raise UserError(f"The training in {path} has not ended, and has no checkpoint yet: give its command again.")
    raise UserError(f"There is no model in {path}: give the folder of a run that has been trained.")


def _from_folder(folder: Path) -> Model:
    config = read_object(folder / "config.json")
    stated = config.pop("hash", None)
    schema = config.get("schema")
    if schema == 1 and stated is None and "weights" not in config:
        say_once(
            f"{folder} was written by an earlier version of allmodes, without hashes: whether it is as it was written "
            "cannot be seen."
        )
        return _assembled(config, read_tensors(folder / "model.safetensors")[0], str(folder))
    if schema != SCHEMA:
        raise UserError(
            f"{folder / 'config.json'} is of schema {schema!r}, where this version of allmodes reads {SCHEMA}: "
            "install the version that wrote it, or copy it again."
        )
    if stated != _hash(config):
        raise UserError(f"{folder / 'config.json'} is damaged: its content is not what was written. Copy it again.")
    weights = load_tensors(folder / "model.safetensors")
    if weights.hash != config.get("weights"):
        raise UserError(f"{folder / 'model.safetensors'} does not belong to its config.json: copy both again.")
    return _assembled(config, weights.tensors, str(folder))


def _from_checkpoint(found: TensorFile, run: str | Path) -> Model:
    try:
        config = dict(json.loads(found.metadata["model"]))
        images = int(config["card"]["images"])
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"The newest checkpoint in {run} is of another version of allmodes: train anew.") from error
    say_once(f"The training in {run} has not ended: this is its model after {images:,} presentations.")
    kept = {"generator": "average.module", "prior": "prior", "encoder": "encoder"}
    weights = {f"{name}.{k}": v for name, at in kept.items() for k, v in _below(found.tensors, f"{at}.").items()}
    return _assembled(config, weights, f"the newest checkpoint of {run}")


@cache
def say_once(sentence: str) -> None:
    """Say on stderr what a user must know, once: a command may load a model several times."""
    print(sentence, file=sys.stderr)


def _assembled(config: Mapping[str, Any], weights: Mapping[str, Tensor], where: str) -> Model:
    try:
        parts = {
            "generator": resolve_part(
                GENERATORS, Generator, config["generator"], frozenset({"shape", "latent"}), "generator"
            ),
            "prior": resolve_part(PRIORS, Prior, config["prior"], frozenset(), "prior"),
            "shape": config["shape"],
        }
        card = dict(config["card"])
        generator, prior = build_networks(parts)
        generator.load_state_dict(_below(weights, "generator."))
        prior.load_state_dict(_below(weights, "prior."))
        encoder = _encoder(config.get("encoder"), parts, prior)
        if encoder is not None:
            encoder.load_state_dict(_below(weights, "encoder."))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise UserError(f"The model in {where} is damaged ({error}). Train or copy it again.") from error
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise UserError(f"The model in {where} has weights that are not finite: train it again.")
    return Model(generator, prior, config=parts, card=card, encoder=encoder)


def _encoder(part: Any, parts: dict[str, Any], prior: Prior) -> Encoder | None:
    """The encoder of a model, if it has one, freshly initialised; its part joins ``parts``."""
    if part is None:
        return None
    parts["encoder"] = resolve_part(ENCODERS, Encoder, part, frozenset({"shape", "components"}), "encoder")
    return build_part(ENCODERS, Encoder, part, {"shape": tuple(parts["shape"]), "components": prior.components})


def _hash(document: Mapping[str, Any]) -> str:
    return digest(json.dumps(document, sort_keys=True))


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
