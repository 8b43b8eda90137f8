"""Models in files: a model folder, or the newest checkpoint of a training that has not ended."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from ..core.configuration import build_part, resolve_part
from ..core.errors import UserError
from ..core.files import read_object
from ..core.tensors import TensorFile, load_newest, load_tensors, read_tensors
from ..networks.base import Encoder, Generator
from ..priors.base import Prior
from .model import SCHEMA, Model, hash_of

GENERATORS = "allmodes.networks.generators"
PRIORS = "allmodes.priors"
ENCODERS = "allmodes.networks.encoders"
GIVEN = frozenset({"shape", "latent", "inputs", "labels"})  # to generators, by the data and the prior
CHECKPOINTS = "step-*.safetensors"


def build_networks(config: Mapping[str, Any]) -> tuple[Generator, Prior]:
    """Prior and generator, freshly initialised, from their parts and the shape of the data."""
    prior = build_part(PRIORS, Prior, config["prior"], {})
    given = {
        "shape": tuple(config["shape"]),
        "latent": prior.dim,
        "inputs": tuple(config.get("inputs", ())),
        "labels": len(config.get("palette", ())),
    }
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
        model = _from_checkpoint(newest, f"the newest checkpoint in {path}")
        images = int(model.card["images"])
        say_once(f"The training in {path} has not ended: this is its model after {images:,} presentations.")
        return model
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
    if stated != hash_of(config):
        raise UserError(f"{folder / 'config.json'} is damaged: its content is not what was written. Copy it again.")
    weights = load_tensors(folder / "model.safetensors")
    if weights.hash != config.get("weights"):
        raise UserError(f"{folder / 'model.safetensors'} does not belong to its config.json: copy both again.")
    return _assembled(config, weights.tensors, str(folder))


def load_checkpoint(path: Path) -> Model:
    """The model in a checkpoint of a training.

    Raises:
        UserError: the file is not there, is damaged, or of another version.
    """
    return _from_checkpoint(load_tensors(path), f"the checkpoint {path}")


def _from_checkpoint(found: TensorFile, where: str) -> Model:
    try:
        config = dict(json.loads(found.metadata["model"]))
        int(config["card"]["images"])
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{where[:1].upper()}{where[1:]} is of another version of allmodes: train anew.") from error
    kept = {"generator": "average.module", "prior": "prior", "encoder": "encoder"}
    weights = {f"{name}.{k}": v for name, at in kept.items() for k, v in _below(found.tensors, f"{at}.").items()}
    return _assembled(config, weights, where)


@cache
def say_once(sentence: str) -> None:
    """Say on stderr what a user must know, once: a command may load a model several times."""
    print(sentence, file=sys.stderr)


def _assembled(config: Mapping[str, Any], weights: Mapping[str, Tensor], where: str) -> Model:
    try:
        parts = {
            "generator": resolve_part(GENERATORS, Generator, config["generator"], GIVEN, "generator"),
            "prior": resolve_part(PRIORS, Prior, config["prior"], frozenset(), "prior"),
            **{key: config[key] for key in ("shape", "inputs", "palette") if key in config},
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


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
