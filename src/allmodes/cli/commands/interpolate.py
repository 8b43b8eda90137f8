"""``allmodes interpolate``: walk through the latent space and back, from sample to sample or from picture to picture.

A given picture is a stop by the latent whose sample comes nearest to it (see ``allmodes invert``). The prior says what
lies between two latents: a great circle for the Gaussian, a straight line for others. A conditional model walks past
answers to one input, or keeps its codes while the input moves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ..base import Answer, Command, Example, Parser, natural

if TYPE_CHECKING:
    from torch import Tensor

    from ...model import Model
    from ..drawing import Trained

WALKS = 16  # tiles of the animation, in rows of 4
ROWS = 8  # walks in the picture
CLOUD = 500  # points of the plane that walk together
STOPS = 4
STEPS = 12  # from one stop to the next
POOL, DESCENT = 2_000, 200  # samples to start from, and steps of the search for a picture's latent


class Interpolate(Command):
    """Walk between samples, or between given pictures."""

    name = "interpolate"
    order = 7
    summary = "Walk between samples, or between given pictures, in an animation or a picture."
    about = (
        "Each tile walks past four samples and returns to the first. In a PNG a walk is a row.\n"
        "With --images, one tile walks past the samples that come nearest to the pictures, which stand before it, and\n"
        "returns to the first; in a PNG there is a row for each way from a picture to the next, between the two.\n"
        "With --inputs, a conditional model walks past four answers to a picture. Of a folder, each picture in the\n"
        "order of names is answered under the same four codes: what a code stands for is kept while the input moves."
    )
    examples = (
        Example("interpolate runs/a --out walk.gif", "an animation that loops"),
        Example("interpolate runs/a --seed 3 --out walk.webp", "other samples, a smaller file"),
        Example("interpolate runs/a --out walk.png", "eight walks, a row each"),
        Example("interpolate runs/a --images a.png b.png c.png --out walk.gif", "from picture to picture"),
        Example("interpolate runs/sr --inputs small.png --out walk.gif", "between answers to an input"),
        Example("interpolate runs/sr --inputs frames/ --out along.gif", "the same codes along a sequence of inputs"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a model folder")
        parser.add_argument(
            "--images", type=Path, nargs="+", metavar="PICTURE", help="two or more pictures to walk past"
        )
        parser.add_argument(
            "--inputs",
            type=Path,
            metavar="PATH",
            help="what a conditional model answers: a picture, or a folder of them to go along",
        )
        parser.add_argument("--seed", type=natural, default=0, metavar="S", help="of the samples (default: 0)")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .gif, .webp or .png file")

    def run(self, arguments: argparse.Namespace) -> Answer:
        out: Path = arguments.out
        if out.suffix.lower() not in {".gif", ".webp", ".png"}:
            raise UserError(f"Cannot write a walk to {out}: name a .gif, .webp or .png file.")
        from ...core.outputs import require_writable
        from ..drawing import open_trained

        require_writable(out)
        if arguments.inputs is not None and arguments.images is not None:
            raise UserError("--images are walked past and --inputs answered: give one of the two.")
        trained = open_trained(arguments.run)
        if arguments.inputs is not None:
            return among_answers(trained.model, arguments.inputs, out, seed=arguments.seed)
        if arguments.images is not None:
            if trained.model.generator.conditioned == "inputs":
                raise UserError("This model answers inputs: give them with --inputs, and leave out --images.")
            return past_pictures(trained, arguments.images, out, seed=arguments.seed)
        return past_samples(trained, out, seed=arguments.seed)


def among_answers(model: Model, path: Path, out: Path, *, seed: int) -> Answer:
    """Between answers to one input, or the same codes along several.

    Raises:
        UserError: the model takes no inputs, or none of these.
    """
    from ..given import given_to
    from ..walks import carried, past_answers

    given = given_to(model, path)
    return past_answers(model, given[0], out, seed=seed) if len(given) == 1 else carried(model, given, out, seed=seed)


def past_samples(trained: Trained, out: Path, *, seed: int) -> Answer:
    """Many walks at once, each past samples of its own."""
    from ...core.pictures import save_animation, save_picture
    from ...core.progress import track
    from ..walks import walk

    still = out.suffix.lower() == ".png"
    walks = CLOUD if trained.planar else ROWS if still else WALKS
    drawn = trained.model.draw(walks * STOPS, seed=seed)
    stops, condition = drawn.z.reshape(STOPS, walks, -1), drawn[:walks].condition  # a walk is under one condition
    path = walk(trained.model.prior, stops, steps=STEPS // 4 if still else STEPS)
    if still:
        every = None if condition is None else condition.repeat_interleave(len(path), 0)
        images = trained.model.decode(path.transpose(0, 1).flatten(0, 1), every)
        save_picture(trained.draw(images, len(path)), out)
    else:
        shown = track(path, len(path), "Drawing frames")
        save_animation([trained.draw(trained.model.decode(z, condition), None) for z in shown], out, milliseconds=80)
    return Answer({"frames": len(path), "seed": seed, "out": str(out)}, f"{len(path)} frames in {out}")


def past_pictures(trained: Trained, files: Sequence[Path], out: Path, *, seed: int) -> Answer:
    """One walk, past the samples that come nearest to pictures.

    Raises:
        UserError: the model makes no images, or the pictures are fewer than two or cannot be read.
    """
    import torch

    from ...core.pictures import save_animation, save_picture
    from ...core.progress import track
    from ..walks import walk

    if trained.planar:
        raise UserError("The model makes points of the plane: only images can be walked past; leave out --images.")
    images, model = opened(files, trained.model.config["shape"]), trained.model
    print(f"Descending from the nearest samples to {len(images)} pictures ...", file=sys.stderr)
    found = model.invert(images, pool=POOL, steps=DESCENT, seed=seed)
    stops, label = found.latents[:, None], shared_label(found.condition)
    if out.suffix.lower() == ".png":
        shares = [step / (STEPS // 2) for step in range(STEPS // 2 + 1)]
        rows = []
        for one, two in pairwise(range(len(images))):
            between = torch.cat([model.prior.between(stops[one], stops[two], share) for share in shares])
            rows += [images[[one]], model.decode(between, under(label, len(between))), images[[two]]]
        save_picture(trained.draw(torch.cat(rows), len(shares) + 2), out)
        frames = len(shares) * (len(images) - 1)
    else:
        path = walk(model.prior, stops, steps=2 * STEPS)
        shown = track(path, len(path), "Drawing frames")
        tiles = [trained.draw(torch.cat([images, model.decode(z, under(label, 1))]), len(images) + 1) for z in shown]
        save_animation(tiles, out, milliseconds=80)
        frames = len(path)
    distances = (found.distances / images[0].numel() ** 0.5).tolist()
    document = {"frames": frames, "seed": seed, "distances": distances, "out": str(out)}
    return Answer(document, f"{frames} frames in {out}; the samples are {max(distances):.3f} from the pictures at most")


def shared_label(condition: Tensor | None) -> Tensor | None:
    """The label of all pictures ``(1,)``, of a model whose samples have one.

    Raises:
        UserError: they have several, between which there are no samples.
    """
    import torch

    if condition is None:
        return None
    found: Tensor = torch.unique(condition)
    if len(found) > 1:
        raise UserError(
            f"The samples nearest to the pictures are of the classes {', '.join(map(str, found.tolist()))}, and this "
            "model makes none between two classes: give pictures of one."
        )
    return found


def under(label: Tensor | None, count: int) -> Tensor | None:
    """The condition of so many samples of one label."""
    return None if label is None else label.expand(count)


def opened(files: Sequence[Path], shape: Sequence[int]) -> Tensor:
    """Pictures as the model makes them, ``(n, C, H, W)`` in [-1, 1].

    Raises:
        UserError: there are fewer than two, or one is not there or cannot be read.
    """
    from ...data.images import Pictures, gathered
    from ...data.pictures import FilePicture
    from ...data.pixels import to_float

    if len(files) < 2:
        raise UserError("A walk needs two pictures or more: write --images a.png b.png.")
    for file in files:
        if not file.is_file():
            raise UserError(f"{file} is no file: give pictures, as in --images a.png b.png.")
    pictures = [FilePicture(file.parent, file.name) for file in files]
    for picture in pictures:
        picture.image()  # what is damaged cannot be left out here
    found = gathered(Pictures(pictures, str(files[0].parent)), size=shape[1], channels=shape[0])
    return to_float(found.images)
