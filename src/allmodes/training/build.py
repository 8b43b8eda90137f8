"""From a recipe to the objects it names."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from ..core.configuration import build_part, parameters
from ..core.discovery import find
from ..core.errors import UserError
from ..core.memory import require_memory
from ..core.seeding import derive_seed
from ..data.base import Dataset
from ..data.degradations.base import Degradation
from ..data.degraded import Degraded
from ..distances.base import Distance
from ..learned.features import trained_network
from ..networks.base import Generator
from ..objectives.base import Objective
from .conditions import require_conditions, require_inputs
from .footprint import require_step, require_weights
from .recipe import OBJECTIVES, OF_THE_DATA, ROOMS, Recipe


def build_dataset(recipe: Recipe) -> Dataset:
    """Open the data of a recipe.

    Raises:
        UserError: what a step holds at the very least, images and samples, both stacked, and the gradient, is too much.
    """
    dataset: Dataset = build_part(*ROOMS["data"][:2], recipe.parts["data"], {})
    if "degradation" in recipe.parts:
        part = recipe.parts["degradation"]
        degradation: Degradation = build_part(*ROOMS["degradation"][:2], part, {})
        dataset = Degraded(dataset, degradation, json.dumps(part, sort_keys=True))
    for note in dataset.notes:
        print(f"note: {note}", file=sys.stderr)
    batch = recipe.settings.batch
    require_memory(6 * 4 * batch * math.prod(dataset.shape), f"'batch': {batch:,} images at a time")
    return dataset


def build_objective(recipe: Recipe, dataset: Dataset, device: torch.device) -> Objective:
    """Build every part of the objective on the device, with weights drawn from the recipe's seed.

    Raises:
        UserError: a part cannot be built, the data have not what it is conditioned on, or a step would not fit into
            memory.
    """
    seed = recipe.settings.seed
    options = recipe.parts["objective"]
    method = find(OBJECTIVES, Objective, options["name"])
    judged = method.judged(dataset.shape, options)
    given = shapes_for(recipe, dataset)
    for name in [part for part in ROOMS if part in recipe.parts and part not in OF_THE_DATA]:
        room, base, _ = ROOMS[name]
        own = given | ({"shape": judged} if name == "discriminator" else {})
        if name == "encoder":
            own["components"] = encoded(method, given)
        if name in {"generator", "discriminator", "encoder"}:
            with torch.device("meta"):
                require_weights(build_part(room, base, recipe.parts[name], own), name, recipe.parts[name], device)
        with seeded(seed, "init", name):
            given[name] = build_part(room, base, recipe.parts[name], own)
        if isinstance(given[name], torch.nn.Module):
            given[name].to(device)
        if name == "prior":
            given["latent"], given["components"] = given[name].dim, given[name].components
    require_conditions(given["prior"], given["generator"], dataset)
    if "distance" in given:
        attach(given["distance"], given, dataset, device)
    if dataset.fixed:
        given["examples"] = len(dataset)
    elif "examples" in parameters(method):
        raise UserError(
            f"The objective '{method.name}' keeps something for every example, and this data is "
            "composed afresh for every batch: choose a fixed set, such as a folder of images."
        )
    objective = build_part(OBJECTIVES, Objective, options, {**given, "seed": seed})
    require_trained(objective)
    require_step(given, dataset, objective, judged=judged, batch=recipe.settings.batch, device=device)
    return objective


def shapes_for(recipe: Recipe, dataset: Dataset) -> dict[str, Any]:
    """What networks are built by, if the data have the inputs that the recipe's generator is built by."""
    if "generator" in recipe.parts:
        require_inputs(find(ROOMS["generator"][0], Generator, recipe.parts["generator"]["name"]), dataset)
    return shapes_of(dataset)


def shapes_of(dataset: Dataset) -> dict[str, Any]:
    """What networks are built by: the shapes of images and of inputs, and how many labels a label map has."""
    return {"shape": dataset.shape, "inputs": dataset.input_shape, "labels": len(dataset.palette or ())}


def encoded(method: type[Objective], given: Mapping[str, Any]) -> int:
    """How many numbers the encoder of a method reads from an image, where prior and latent are given.

    Raises:
        UserError: it reads components, and the prior has none.
    """
    if method.encodes == "latent":
        return int(given["latent"])
    if given["components"] is None:
        raise UserError(
            f"An encoder reads components, and the prior '{given['prior'].name}' has none: take a mixture, as in "
            "--prior gaussian-mixture."
        )
    return int(given["components"])


def require_trained(objective: Objective) -> None:
    """Refuse a prior with parameters that no player of the objective trains.

    Raises:
        UserError: it has parameters and no turn.
    """
    prior = objective.prior
    if any(True for _ in prior.parameters()) and "prior" not in objective.players():
        raise UserError(
            f"The objective '{objective.name}' would leave the prior '{prior.name}' untrained: take --prior gaussian."
        )


def attach(distance: Distance, given: dict[str, Any], dataset: Dataset, device: torch.device) -> None:
    """Give a distance the network it looks through: a player, or one trained on the data beforehand."""
    if distance.needs is None:
        return
    network = given.get(distance.needs)
    if network is None:
        network = trained_network(distance.needs, dataset).network
    distance.attach(network.to(device))


@contextmanager
def seeded(seed: int, *names: str) -> Iterator[None]:
    """Within this context torch's global generator is the stream of this name; afterwards it is as before."""
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, *names))
        yield
