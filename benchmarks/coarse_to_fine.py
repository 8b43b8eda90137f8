"""What it costs to find an answer near an original: codes chosen coarse to fine, against whole candidates.

    allmodes train super-resolution/chimle --out runs/chimle
    python benchmarks/coarse_to_fine.py runs/chimle --out docs/bench/coarse-to-fine.json

Of held-out inputs, the distance of the nearest answer to the original, in the space in which the run was matched.
*Flat*: the nearest of k candidates, each drawn whole; its mean over all choices of k of those that were drawn.
*Coarse to fine* (CHIMLE: Peng, Moazeni & Li 2022): pools of several sizes at each level. A candidate of a coarse level
is a call of the generator, too, but a cheap one: ``cost`` counts operations, in those of a whole answer. Seconds are of
the processor, for an input, with the looking at candidates. Writes JSON, and a picture beside it.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from allmodes.bench.table import Table
from allmodes.core.configuration import build_part
from allmodes.core.errors import UserError
from allmodes.core.files import atomic, write_json
from allmodes.core.progress import track
from allmodes.core.seeding import stream
from allmodes.core.workers import Alone
from allmodes.distances.base import Distance
from allmodes.evaluation.answers import Questions
from allmodes.matching.coarse_to_fine import Levels, chosen, require_pools
from allmodes.model import Model
from allmodes.networks.generators.cascade import Cascade, resized
from allmodes.runs.run import Run
from allmodes.suites.origin import origin
from allmodes.training.build import attach
from allmodes.training.recipe import ROOMS

SCALES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)  # of the pools
BLOCK = 100  # candidates that are made at once


def shares(generator: Cascade, z: Tensor, given: Tensor) -> list[float]:
    """What a candidate of each level costs, in whole answers: its operations over those of all levels."""
    counts, before = [], None
    for level, code in enumerate(torch.split(z[:1], generator.codes, dim=1)):
        with FlopCounterMode(display=False) as counter:
            before = generator.grown(before, code, given[:1], level)
            generator.image(before, given[:1], level)
        counts.append(counter.get_total_flops())
    return [count / sum(counts) for count in counts]


def expected_least(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean least of k of n values over all choices of k, ``(..., n) -> (..., n)``, for k from 1 to n.

    The least is the i-th smallest with probability C(n - i, k - 1) / C(n, k), each from the one before.
    """
    n = values.shape[-1]
    k, ordered = np.arange(1, n + 1), np.sort(values, -1)
    weight, total = k / n, np.zeros_like(ordered)
    for i in range(n):
        total += ordered[..., i, None] * weight
        weight = weight * np.clip(n - i - k, 0, None) / max(1, n - i - 1)
    return total


@torch.no_grad()
def flat(model: Model, distance: Distance, asked: Questions, count: int) -> NDArray[np.float64]:
    """Distances of so many whole candidates to the original of each question, ``(n, count)``."""
    rows = []
    for number in track(range(len(asked)), len(asked), "Drawing whole candidates"):
        target = distance.embed(asked.truth[number : number + 1])
        codes = model.prior.sample(count, stream(0, "flat", number)).z
        parts = [
            (
                distance.embed(model.generator.make(z, asked.inputs[number].expand(len(z), *asked.inputs.shape[1:])))
                - target
            ).norm(dim=1)
            for z in codes.split(BLOCK)
        ]
        rows.append(torch.cat(parts).double().numpy())
    return np.stack(rows)


def coarse_to_fine(model: Model, distance: Distance, asked: Questions, pools: Sequence[int]) -> NDArray[np.float64]:
    """The distance of the answer that is chosen level by level, of each question ``(n,)``."""
    generator = cast(Cascade, model.generator)

    def fresh(example: int, level: int, count: int) -> Tensor:
        rng = stream(0, "coarse to fine", example, level)
        return torch.split(model.prior.sample(count, rng).z, generator.codes, dim=1)[level]

    def at(images: Tensor, level: int) -> Tensor:
        return resized(images, [side // generator.scales[level] for side in images.shape[2:]])

    levels = Levels(generator.codes, generator.grown, generator.image, at, distance.embed)
    found = chosen(asked.truth, asked.inputs, fresh, levels=levels, pools=pools, workers=Alone())
    return found.distances.double().numpy()


def reached(curve: NDArray[np.float64], distance: float) -> float | None:
    """How many whole candidates it takes to come as near, between two numbers in proportion; None if more than all."""
    if curve[-1] > distance:
        return None
    last = int(np.argmax(curve <= distance))
    if last == 0:
        return 1.0
    before, after = curve[last - 1], curve[last]
    return float(last + (before - distance) / (before - after))


@torch.no_grad()
def measured(model: Model, distance: Distance, asked: Questions, pools: Sequence[int], count: int) -> dict[str, Any]:
    """Both curves, and for each point of the second how many whole candidates come as near."""
    generator = cast(Cascade, model.generator)
    costs = shares(generator, model.prior.sample(1, stream(0)).z, asked.inputs)
    began = time.process_time()
    curve = expected_least(flat(model, distance, asked, count)).mean(0)
    whole = (time.process_time() - began) / count / len(asked)
    points = []
    for these in dict.fromkeys(tuple(max(1, round(scale * pool)) for pool in pools) for scale in SCALES):
        began = time.process_time()
        apart = coarse_to_fine(model, distance, asked, these)
        seconds = (time.process_time() - began) / len(asked)
        cost = float(np.dot(these, costs))
        same = reached(curve, float(apart.mean()))
        points.append(
            {
                "pools": these,
                "calls": sum(these),
                "cost": cost,
                "seconds": seconds,
                "distance": float(apart.mean()),
                "flat_calls": same,
                "fewer_calls": (same or count) / sum(these),
                "cheaper": (same or count) / cost,
                "quicker": (same or count) * whole / seconds,
            }
        )
    return {
        "inputs": len(asked),
        "split": asked.split,
        "space": distance.fingerprint(),
        "shares": costs,
        "flat": {"calls": count, "seconds": whole, "distances": curve.tolist()},
        "coarse_to_fine": points,
    }


def drawn(found: Mapping[str, Any], path: Path) -> None:
    """Distance over cost."""
    figure = Figure(figsize=(5.5, 3.6), layout="constrained")
    axes = figure.subplots()
    curve, points = found["flat"]["distances"], found["coarse_to_fine"]
    axes.plot(range(1, len(curve) + 1), curve, label="the nearest of whole candidates")
    axes.plot(
        [point["cost"] for point in points],
        [point["distance"] for point in points],
        marker="o",
        label="chosen coarse to fine",
    )
    axes.set(xscale="log", xlabel="operations of the generator, in whole answers", ylabel="distance to the original")
    axes.legend(frameon=False)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def table(found: Mapping[str, Any]) -> Table:
    """Of each size of pools what it reaches, and what whole candidates need for that."""
    count, rows = found["flat"]["calls"], []
    for point in found["coarse_to_fine"]:
        same, least = point["flat_calls"], "" if point["flat_calls"] else "over "
        rows.append(
            {
                "pools": ", ".join(map(str, point["pools"])),
                "calls": f"{point['calls']:,}",
                "cost": f"{point['cost']:.1f}",
                "distance": f"{point['distance']:.4g}",
                "whole candidates for it": f"{least}{same or count:,.0f}",
                "cheaper": f"{least}{point['cheaper']:.1f} times",
                "quicker": f"{least}{point['quicker']:.1f} times",
            }
        )
    about = (
        f"Of {found['inputs']:,} inputs ({found['split']}), the mean distance of the chosen answer to the original, "
        "and how many whole candidates it takes to come as near. 'cost' counts operations, in whole answers; 'cheaper' "
        "and 'quicker' compare operations and seconds of the processor."
    )
    return Table("Answers chosen coarse to fine, beside whole candidates", about, rows)


def opened(path: Path, inputs: int) -> tuple[Model, Distance, Questions, list[int]]:
    """A run's model, the space that it was matched in, inputs that it did not see, and its pools.

    Raises:
        UserError: it is no finished run of CHIMLE, or its data are not there.
    """
    run = Run(path)
    parts = run.recipe.parts
    if parts["objective"]["name"] != "chimle":
        raise UserError(
            f"{path} was not trained by CHIMLE, so its levels draw nothing of their own: give one that was."
        )
    model = run.model()
    dataset = run.dataset(model)
    distance: Distance = build_part(*ROOMS["distance"][:2], parts["distance"], {})
    attach(distance, {}, dataset, torch.device("cpu"))
    model.generator.eval()
    return model, distance, Questions.of(dataset, inputs), list(parts["objective"]["pools"])


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write JSON and picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="a run folder of a recipe such as super-resolution/chimle")
    parser.add_argument("--inputs", type=int, default=20, help="held-out inputs (default: 20)")
    parser.add_argument("--candidates", type=int, default=1_000, help="whole candidates for each (default: 1,000)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("coarse-to-fine.json"), help="a .json file")
    arguments = parser.parse_args(words)
    torch.set_num_threads(arguments.threads)
    try:
        model, distance, asked, pools = opened(arguments.run, arguments.inputs)
        require_pools(pools, len(cast(Cascade, model.generator).scales))
        found = measured(model, distance, asked, pools, arguments.candidates)
        command = shlex.join(["python", "benchmarks/coarse_to_fine.py", *(sys.argv[1:] if words is None else words)])
        document = {"command": command, "origin": origin(), **found, "tables": [table(found).to_json()]}
        write_json(arguments.out, document)
        drawn(found, arguments.out.with_suffix(".png"))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(found).to_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
