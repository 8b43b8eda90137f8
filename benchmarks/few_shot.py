"""What the few-shot figures make of generators whose faults are known.

Four are planted in a data set of few images, a fifth of them held out: one replays the training images, one replays
half of them, one blends all of them, and one, as nobody could train it, shows the held-out images, too. Prints a table
in Markdown.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor, nn

from allmodes.data.fixed import FixedImages
from allmodes.data.noto_faces import NotoFaces
from allmodes.data.orl_faces import OrlFaces
from allmodes.data.pixels import to_float
from allmodes.data.raccoon import Raccoon
from allmodes.evaluation.evaluate import Evaluation, evaluate
from allmodes.evaluation.protocols.base import Subject
from allmodes.model import Model
from allmodes.networks.base import Generator
from allmodes.priors.gaussian import Gaussian
from allmodes.reports.words import title_of, write_figure

DATA: dict[str, type[NotoFaces | OrlFaces | Raccoon]] = {cls.name: cls for cls in (NotoFaces, OrlFaces, Raccoon)}
FIGURES = (
    *("frechet_distance", "frechet_heldout", "precision", "recall", "coverage", "covered", "copied_mass"),
    *("reached_train", "reached_heldout", "largest_step"),
)


class Replay(Generator):
    """Shows the image of the largest latent; no gradient leads from one to another."""

    name = "replay"

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = nn.Parameter(images, requires_grad=False)

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.images[z.argmax(1)] + 0 * z.sum(1)[:, None, None, None]


class Blend(Replay):
    """Mixes all images by the latents."""

    name = "blend"

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.einsum("nk,kchw->nchw", (2 * z).softmax(1), self.images)


def measured(generator: Replay, data: FixedImages) -> Evaluation:
    """Every figure of the protocol."""
    model = Model(generator, Gaussian(dim=len(generator.images)), config={}, card={})
    return evaluate(Subject(model.sample, data, 0, torch.device("cpu"), model=model))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="noto-faces")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = DATA[arguments.data](heldout=0.2)
    real = to_float(data.images)
    plants = {
        "replays the training images": Replay(real),
        "replays half of them": Replay(real[::2]),
        "blends them": Blend(real),
        "shows the held-out images, too": Replay(torch.cat([real, data.heldout_images])),
    }
    print(f"| generator | {' | '.join(map(title_of, FIGURES))} |\n| --- |{' ---: |' * len(FIGURES)}")
    for name, generator in plants.items():
        found = measured(generator, data).headline()
        print(f"| {name} | {' | '.join(write_figure(figure, found[figure]) for figure in FIGURES)} |", flush=True)


if __name__ == "__main__":
    main()
