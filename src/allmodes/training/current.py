"""A training as it stands: the model that it would leave now, and what is evaluated of it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from typing import Any, cast

from ..evaluation.answers import given
from ..evaluation.protocols.base import Subject
from ..model import Model
from ..networks.base import Encoder
from .trainer import Trainer


def described(trainer: Trainer) -> dict[str, Any]:
    """What a model is built from, and its card, as JSON can hold them."""
    parts = trainer.recipe.parts
    card = {
        "recipe": trainer.recipe.name,
        "data": {"name": parts["data"]["name"], "fingerprint": trainer.dataset.fingerprint},
        "images": trainer.model_images,
        "seed": trainer.settings.seed,
        "prolonged": trainer.prolonged,
        "ended": asdict(trainer.ended) if trainer.went_back and trainer.ended else None,
    }
    prior, generator = trainer.objective.prior, trainer.objective.generator
    if prior.classes is not None or generator.conditioned == "labels":
        shares = trainer.dataset.frequencies()
        card["classes"] = None if shares is None else shares.tolist()  # how often each comes
    shape = list(trainer.dataset.shape)
    reads = ("encoder",) if trainer.objective.encodes == "component" else ()  # one of latents is of the training alone
    kept = {part: parts[part] for part in ("generator", "prior", *reads) if part in parts}
    asked: dict[str, list[Any]] = {}
    if trainer.dataset.input_shape is not None:
        asked["inputs"] = list(trainer.dataset.input_shape)
    if trainer.dataset.palette is not None:
        asked["palette"] = list(trainer.dataset.palette.colours)
    return {**kept, "shape": shape, **asked, "card": card}


def current_model(trainer: Trainer) -> Model:
    """The averaged generator, with its prior averaged alike and its encoder, as they stand."""
    config = described(trainer)
    card = config.pop("card")
    encoder = deepcopy(cast(Encoder, trainer.players["encoder"])) if "encoder" in config else None
    return Model(trainer.kept.generator, trainer.prior, config=config, card=card, encoder=encoder)


def subject(trainer: Trainer, *, quick: bool = False) -> Subject:
    """The averaged generator as it stands, to be evaluated."""
    model = current_model(trainer)
    seed, device = trainer.settings.seed, trainer.fabric.device
    return Subject(
        given(model, trainer.dataset), trainer.dataset, seed, device, quick, model=model, assigned=trainer.assigned
    )
