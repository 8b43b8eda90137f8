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
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .core.configuration import build_part, resolve_part
from .core.errors import UserError
from .core.files import digest, read_object, write_json
from .core.progress import track
from .core.records import Latents
from .core.tensors import TensorFile, load_newest, load_tensors, read_tensors, save_tensors
from .matching.inversion import RATE, Inverted, invert, nearest, size_of
from .networks.base import Encoder, Generator, made
from .priors import draws
from .priors.base import Prior

GENERATORS = "allmodes.networks.generators"
PRIORS = "allmodes.priors"
ENCODERS = "allmodes.networks.encoders"
SCHEMA = 2  # 1 had no hashes
CHECKPOINTS = "step-*.safetensors"
BLOCK = 500  # examples that the generator makes at once


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
    def classes(self) -> int | None:
        """How many classes there are to draw, of the generator's or of the prior's; None where neither knows any."""
        return self.generator.classes if self.generator.conditioned == "labels" else self.prior.classes

    @torch.no_grad()
    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images of latents, ``(n, d) -> (n, *shape)``, on the CPU; of a conditional generator, under ``(n, ...)``."""
        if condition is not None:
            self.generator.require(condition, len(z))
        parts = Latents(z, condition=condition).split(BLOCK)
        shown = track(parts, len(parts), f"Making {len(z):,} samples")
        return torch.cat([made(self.generator, part.to(self.device)).float().cpu() for part in shown])

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
        labels = self._labels(n, seed=seed, component=component, label=label, condition=condition)
        own = None if self.prior.classes is None else labels
        found = draws.latents(self.prior, n, seed=seed, sigma=sigma, component=component, labels=own)
        return replace(found, condition=labels if self.generator.conditioned == "labels" else condition)

    def _labels(
        self, n: int, *, seed: int, component: int | None, label: int | None, condition: Tensor | None
    ) -> Tensor | None:
        """The class of each of ``n`` samples, int64 ``(n,)``; None where there are no classes."""
        given = {"component": component, "label": label, "condition": condition}
        asked = [name for name, value in given.items() if value is not None]
        if len(asked) > 1:
            raise UserError(f"Samples of a {asked[0]} and of a {asked[1]} were asked for: give one of the two.")
        if condition is not None:
            self.generator.require(condition, n)
            if self.generator.conditioned == "labels":
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
                conditioned on labels takes that of the nearest sample.
        """
        generate, device, drawn = self.generator, self.device, self.draw(pool, seed=seed)
        start = nearest(drawn, images, generate=generate, device=device, condition=condition)
        own, rate = start.condition, RATE * size_of(self.draw(BLOCK, seed=seed).z)
        return invert(images, start.z, generate=generate, device=device, steps=steps, rate=rate, condition=own)

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
        write_json(Path(folder) / "config.json", {**document, "hash": _hash(document)})


def build_networks(config: Mapping[str, Any]) -> tuple[Generator, Prior]:
    """Prior and generator, freshly initialised, from their parts and the shape of the data."""
    prior = build_part(PRIORS, Prior, config["prior"], {})
    given = {"shape": tuple(config["shape"]), "latent": prior.dim, "inputs": tuple(config.get("inputs", ()))}
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
                GENERATORS, Generator, config["generator"], frozenset({"shape", "latent", "inputs"}), "generator"
            ),
            "prior": resolve_part(PRIORS, Prior, config["prior"], frozenset(), "prior"),
            **{key: config[key] for key in ("shape", "inputs") if key in config},
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
