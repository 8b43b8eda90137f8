"""``allmodes sample``: draw samples from a trained model into a picture, an array or a folder of pictures."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ..base import Answer, Command, Example, Parser, natural, positive

if TYPE_CHECKING:
    from torch import Tensor

    from ...data.inputs import Input
    from ...model import Model

SAMPLES, ANSWERS = 64, 8  # by default
AMONG = 10  # times as many answers, of which --spread chooses
WORKED = 6  # as much memory as an answer takes, while it is made and held against those before


class Sample(Command):
    """Draw samples."""

    name = "sample"
    order = 3
    summary = "Draw samples from a trained model."
    about = "The same seed gives the same samples; the first of many are those of a few."
    examples = (
        Example("sample runs/a --out grid.png", "64 samples in one picture"),
        Example("sample runs/a -n 10000 --seed 1 --out samples.npz", "an array, 8 bits a value"),
        Example(
            "sample runs/a --sigma 0.7 --component 3 --out a.png", "one component of a mixture, nearer to its mean"
        ),
        Example("sample runs/a -n 500 --out samples/", "a folder with a picture each"),
        Example("sample runs/flow --steps 50 --out a.png", "flow matching, in more steps than its recipe takes"),
        Example("sample runs/sr --inputs small.png -n 8 --out answers.png", "eight answers of a conditional model"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a model folder")
        parser.add_argument("-n", type=positive, metavar="N", help="how many (default: 64; of answers to an input: 8)")
        parser.add_argument("--seed", type=natural, default=0, metavar="S", help="of the draw (default: 0)")
        parser.add_argument(
            "--sigma", type=float, default=1.0, metavar="X", help="scale of the noise: lower, more typical (default: 1)"
        )
        parser.add_argument("--steps", type=positive, metavar="N", help="of a flow's solver (default: its recipe's)")
        parser.add_argument("--component", type=int, metavar="K", help="of a mixture prior, draw from this one alone")
        parser.add_argument("--label", type=int, metavar="K", help="draw this class alone, if the model has any")
        parser.add_argument(
            "--inputs",
            type=Path,
            metavar="PATH",
            help="what a conditional model answers: a picture or a folder of them",
        )
        parser.add_argument(
            "--spread", action="store_true", help="of ten times as many answers to each input, those that differ most"
        )
        parser.add_argument("--out", required=True, metavar="FILE", help="a .png or .npz file, or a folder")

    def run(self, arguments: argparse.Namespace) -> Answer:
        if arguments.inputs is not None:
            return answered(arguments)
        if arguments.spread:
            raise UserError("--spread chooses among answers to an input: give one with --inputs.")
        from ...core.memory import require_memory
        from ...core.outputs import require_writable
        from ...core.pictures import save_picture
        from ..drawing import open_trained, write_array, write_folder

        out = Path(arguments.out)
        require_writable(out)
        kind = destination(arguments.out)
        trained = open_trained(arguments.run)
        if trained.planar and kind == "folder":
            raise UserError(f"Samples of {arguments.run} are points: name a .png or .npz file instead of {out}.")
        arguments.n = arguments.n or SAMPLES
        require_memory(arguments.n * math.prod(trained.model.config["shape"]) * 4, f"{arguments.n:,} samples")
        if arguments.steps is not None:
            trained.model.solve_in(arguments.steps)
        asked = {name: getattr(arguments, name) for name in ("seed", "sigma", "component", "label")}
        samples = trained.model.sample(arguments.n, **asked)
        if kind == ".png":
            save_picture(trained.draw(samples, None), out)
        elif kind == ".npz":
            write_array(out, samples)
        else:
            write_folder(out, samples)
        document = {"samples": arguments.n, **asked, "calls": trained.model.generator.calls, "out": str(out)}
        return Answer(document, f"{arguments.n:,} samples in {out}")


def answered(arguments: argparse.Namespace) -> Answer:
    """Answers to inputs: a row for each in one picture, or a folder with a picture for each answer."""
    from ...core.outputs import require_writable
    from ...core.pictures import save_picture, stacked_rows
    from ...data.pixels import to_uint8
    from ...evaluation.answers import input_pictures
    from ..drawing import open_trained, write_named
    from ..given import given_to

    require_writable(Path(arguments.out))
    kind, count = destination(arguments.out), arguments.n or ANSWERS
    if kind == ".npz":
        raise UserError(f"Answers to inputs are pictures: name a .png file or a folder instead of {arguments.out}.")
    if arguments.spread and count == 1:
        raise UserError("--spread chooses the answers that differ most: ask for 2 or more, as in -n 2.")
    model = open_trained(arguments.run).model
    given = given_to(model, arguments.inputs)
    if arguments.component is not None or arguments.label is not None:
        raise UserError("Answers to inputs are of no component and of no label: leave out --component and --label.")
    if arguments.steps is not None:
        model.solve_in(arguments.steps)
    require_room(model, given, count, kind, spread=arguments.spread)
    found = {each.name: pictures_of(model, each, count, arguments) for each in given}
    if kind == ".png":
        rows: list[list[Tensor]] = []
        for each in given:
            row = [to_uint8(picture) for _, picture in found[each.name]]
            shown = input_pictures(each.values[None], tuple(row[0].shape), model.palette)[0]
            rows.append([to_uint8(shown), *row])
        save_picture(stacked_rows(rows), Path(arguments.out))
    else:
        write_named(
            Path(arguments.out),
            ((f"{name}-{of}", picture) for name, pictures in found.items() for of, picture in pictures),
        )
    document = {"inputs": len(given), "answers": count, "seed": arguments.seed, "out": arguments.out}
    return Answer(document, told(count, len(given), arguments.out))


def told(count: int, inputs: int, out: str) -> str:
    """How many answers there are, and, of several, what the picture after them is."""
    said = (
        f"{count:,} answer{'s' * (count > 1)} to {f'each of {inputs:,} inputs' if inputs > 1 else 'the input'} in {out}"
    )
    if count == 1:
        return said
    which = "the last picture of each" if inputs > 1 else "the last picture"
    return f"{said}; {which} shows where they differ (white: by a fifth of the range)"


def pictures_of(model: Model, given: Input, count: int, arguments: argparse.Namespace) -> Iterator[tuple[str, Tensor]]:
    """Answers to an input by their numbers, as they are made, and then where they differ, ``spread``, if several."""
    from ...evaluation.answers import Spread, answers_under, codes_for, each_answer, most_different

    drawn = AMONG * count if arguments.spread else count
    codes, seen = codes_for(model, given.values, drawn, seed=arguments.seed, sigma=arguments.sigma), Spread()
    if arguments.spread:
        every = answers_under(model, given.values, codes)
        found = iter(every[most_different(every, count)])
    else:
        found = each_answer(model, given.values, codes)
    for number, answer in enumerate(found):
        seen.add(answer)
        yield str(number), answer
    if count > 1:
        yield "spread", seen.picture()


def require_room(model: Model, given: Sequence[Input], count: int, kind: str, *, spread: bool) -> None:
    """Refuse answers that do not fit into memory.

    Raises:
        UserError: those answers that are chosen among, or the picture of all of them, are too large.
    """
    from ...core.memory import require_memory

    factor = model.config["shape"][-1] // model.config["inputs"][-1]
    sizes = [model.config["shape"][0] * factor**2 * math.prod(each.values.shape[-2:]) for each in given]
    held = max(sizes) * 4 * (2 * AMONG * count if spread else WORKED)  # in floats; stacked, they are there twice
    if kind == ".png":
        held += 2 * (count + 2) * sum(sizes)  # in bytes, and again in the picture
    require_memory(held, f"{count:,} answers to each input")


def destination(out: str) -> str:
    """``.png``, ``.npz`` or ``folder``.

    Raises:
        UserError: it is none of these, or a folder that holds something.
    """
    path = Path(out)
    if path.is_dir() or out.endswith("/") or not path.suffix:
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise UserError(f"{out} is there already: name a new folder, or empty this one.")
        return "folder"
    if path.suffix.lower() not in {".png", ".npz"}:
        raise UserError(f"Cannot write samples to {out}: name a .png or .npz file, or a folder ending in /.")
    return path.suffix.lower()
