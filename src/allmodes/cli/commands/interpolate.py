"""``allmodes interpolate``: walk from sample to sample through the latent space and back to the start.

The prior says what lies between two latents: a great circle for the Gaussian, a straight line for others.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ..base import Answer, Command, Example, Parser

if TYPE_CHECKING:
    from torch import Tensor

    from ..drawing import Trained

WALKS = 16  # tiles of the animation, in rows of 4
ROWS = 8  # walks in the picture
CLOUD = 500  # points of the plane that walk together
STOPS = 4
STEPS = 12  # from one stop to the next


class Interpolate(Command):
    """Walk between samples."""

    name = "interpolate"
    order = 7
    summary = "Walk between samples, in an animation or a picture."
    about = "Each tile walks past four samples and returns to the first. In a PNG a walk is a row."
    examples = (
        Example("interpolate runs/a --out walk.gif", "an animation that loops"),
        Example("interpolate runs/a --seed 3 --out walk.webp", "other samples, a smaller file"),
        Example("interpolate runs/a --out walk.png", "eight walks, a row each"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a model folder")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the samples (default: 0)")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a .gif, .webp or .png file")

    def run(self, arguments: argparse.Namespace) -> Answer:
        out: Path = arguments.out
        if out.suffix.lower() not in {".gif", ".webp", ".png"}:
            raise UserError(f"Cannot write a walk to {out}: name a .gif, .webp or .png file.")
        from ...core.pictures import save_animation
        from ..drawing import open_trained, write_picture

        trained = open_trained(arguments.run)
        if out.suffix.lower() == ".png":
            path = walk(trained, CLOUD if trained.planar else ROWS, steps=STEPS // 4, seed=arguments.seed)
            write_picture(out, trained.draw(trained.model.decode(path.transpose(0, 1).flatten(0, 1)), len(path)))
        else:
            path = walk(trained, CLOUD if trained.planar else WALKS, steps=STEPS, seed=arguments.seed)
            frames = [trained.draw(trained.model.decode(z), None) for z in path]
            save_animation(frames, out, milliseconds=80)
        return Answer({"frames": len(path), "seed": arguments.seed, "out": str(out)}, f"{len(path)} frames in {out}")


def walk(trained: Trained, walks: int, *, steps: int, seed: int) -> Tensor:
    """Latents along closed walks.

    Args:
        trained: the model.
        walks: how many.
        steps: from one stop to the next.
        seed: of the stops.

    Returns:
        ``(STOPS * steps + 1, walks, d)``; the last frame is the first.
    """
    import torch

    stops = trained.model.draw(walks * STOPS, seed=seed).reshape(STOPS, walks, -1)
    path = [
        trained.model.prior.between(stops[stop], stops[(stop + 1) % STOPS], step / steps)
        for stop in range(STOPS)
        for step in range(steps)
    ]
    return torch.stack([*path, stops[0]])
