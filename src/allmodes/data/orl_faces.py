"""The ORL (AT&T, Olivetti) faces (Samaria & Harter 1994): 40 people, 10 photographs of each, aligned, in grey."""

from __future__ import annotations

from pathlib import Path

import torch

from ..core.files import digest
from .collection import Collection, picture
from .fixed import FixedImages
from .pictures import check_size, resized, stacked

ORL = Collection(
    "orl-faces",
    r"s\d+/\d+\.pgm",
    "df9c45b54f422cbfa350fbb3b42e2602e7941df5a3b4a24098fee19905812888",
    (
        "https://www.cl.cam.ac.uk/research/dtg/attarchive/pub/data/att_faces.zip",
        "https://codeload.github.com/Shangtingli/orl-faces-recognition/zip/dda750df3cf3bb2c865d44ce5021fc4845aa5252",
    ),
)


class OrlFaces(FixedImages):
    """400 grey faces of 40 people, labelled by person: the central square of 92 x 112 pixels.

    Args:
        path: folder of ``s1/1.pgm`` ... ``s40/10.pgm``, or a zip of it; by default ``$ALLMODES_DATA/orl-faces``, then
            downloaded.
        size: side in pixels.
        heldout: share of the images that is kept out of training.
        fold: which share.
        whole_people: hold out all photographs of a person or none, so that held-out faces are of people never seen.

    Raises:
        UserError: the files cannot be had, or the size is too small.
    """

    name = "orl-faces"

    def __init__(
        self,
        *,
        path: Path | None = None,
        size: int = 64,
        heldout: float = 0.0,
        fold: int = 0,
        whole_people: bool = False,
    ) -> None:
        check_size(size)
        files = ORL.read(path)
        names = sorted(files, key=person_and_number)
        images = stacked([resized(picture(files[name]), size) for name in names], "L")
        people = torch.tensor([person_and_number(name)[0] - 1 for name in names])
        groups = people if whole_people else None
        super().__init__(images, people, digest(ORL.sha256, str(size)), heldout=heldout, fold=fold, groups=groups)


def person_and_number(name: str) -> tuple[int, int]:
    """``"s12/3.pgm"`` -> ``(12, 3)``."""
    person, number = name.removesuffix(".pgm").removeprefix("s").split("/")
    return int(person), int(number)
