"""``allmodes invert``: how near can a trained model get to given images?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from pathlib import Path

from ...core.errors import UserError
from ..base import Answer, Command, Example, Parser, natural, positive

SHOWN = 96  # images beside what comes nearest to them
POOL, ANSWERS = 10_000, 200  # samples that are searched first, and answers to each input


class Invert(Command):
    """Find the latents of images."""

    name = "invert"
    order = 8
    summary = "Find the latents whose samples come nearest to given images."
    about = (
        "From the nearest of many samples, the latent is moved until its sample is as near as it gets. Images that the "
        "model was not trained on show what it can make, and what it cannot. Distances are root mean squared "
        "differences of pixels, from 0 to 2.\n"
        "A conditional model answers the input of each image: one of --inputs, in the order of names, or without them\n"
        "what the degradation of the run makes of the image."
    )
    examples = (
        Example("invert runs/a --images heldout/ --out inverted/", "pairs.png, latents.safetensors, invert.json"),
        Example("invert runs/a --images photo.npy --steps 500 --out inverted/", "a longer search"),
        Example("invert runs/sr --images originals/ --inputs small/ --out inverted/", "a conditional model"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a model folder")
        parser.add_argument("--images", type=Path, required=True, metavar="PATH", help="a folder, a .zip or an array")
        parser.add_argument(
            "--inputs", type=Path, metavar="PATH", help="what a conditional model answers: an input for each image"
        )
        parser.add_argument("--skip-damaged", action="store_true", help="leave out pictures that cannot be read")
        parser.add_argument("--steps", type=positive, default=200, metavar="N", help="of the descent (default: 200)")
        parser.add_argument(
            "--seed", type=natural, default=0, metavar="S", help="of the samples to start from (default: 0)"
        )
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder for what is found")

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...core.files import write_json
        from ...core.outputs import require_folder
        from ...core.pictures import image_pairs, save_picture
        from ...core.tensors import save_tensors
        from ...data.images import Images
        from ...data.pixels import to_float
        from ...metrics import inversion_distance
        from ..drawing import open_trained
        from ..given import inputs_for

        require_folder(arguments.out, "invert.json")
        trained = open_trained(arguments.run)
        if trained.planar:
            raise UserError(f"The model in {arguments.run} makes points of the plane: only images can be inverted.")
        channels, side, _ = trained.model.config["shape"]
        wanted = Images(arguments.images, size=side, channels=channels, skip_damaged=arguments.skip_damaged)
        images = to_float(wanted.images)
        for note in (*wanted.notes, *enlarged(wanted.sizes, side)):
            print(f"note: {note}", file=sys.stderr)
        model, files = trained.model, wanted.files
        given = inputs_for(model, arguments.run, arguments.inputs, images=images, files=files)
        print(f"Descending from the nearest samples to {len(images):,} images ...", file=sys.stderr)
        pool = POOL if given is None else ANSWERS
        found = model.invert(images, pool=pool, steps=arguments.steps, seed=arguments.seed, condition=given)
        score = inversion_distance(found.distances / images[0].numel() ** 0.5)
        tensors = {"latents": found.latents, "distances": found.distances}
        if found.condition is not None:
            tensors[str(model.generator.conditioned)] = found.condition
        save_tensors(arguments.out / "latents.safetensors", tensors)
        first = None if found.condition is None else found.condition[:SHOWN]
        nearest = model.decode(found.latents[:SHOWN], first)
        save_picture(image_pairs(images[:SHOWN], nearest), arguments.out / "pairs.png")
        document = {"images": len(images), "steps": arguments.steps, "seed": arguments.seed, **score.to_json()}
        document["files"] = list(wanted.files)  # in the order of distances and latents
        write_json(arguments.out / "invert.json", document)
        away = f"{len(images):,} images, on average {score.value:.3f} away"
        return Answer(document, f"{away}; side by side in {arguments.out / 'pairs.png'}")


def enlarged(sizes: Collection[tuple[int, int]], side: int) -> list[str]:
    """What to know where pictures, of such widths and heights, were smaller than the model makes them."""
    least = min(sizes, key=min, default=(side, side))
    if min(least) >= side:
        return []
    return [
        f"The model makes {side} x {side}, and there are smaller pictures, such as {least[0]} x {least[1]}: they "
        "are enlarged to that, and so are blurred. Give larger ones if there are any."
    ]
