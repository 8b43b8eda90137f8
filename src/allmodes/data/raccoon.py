"""Photographs of raccoons with boxes around them (Dat Tran 2017): few images, and no two in the same pose."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from ..core.files import digest
from .collection import Collection, picture
from .fixed import FixedImages
from .pictures import check_size, flattened, stacked

RACCOON = Collection(
    "fewshot-raccoon",
    r"(?:images|annotations)/raccoon-\d+\.(?:jpg|xml)",
    "4431d4f1b62e4ef926f6119910072d8d46fbfcb8fb99c71c05c3dd02b0b409f8",
    ("https://codeload.github.com/datitran/raccoon_dataset/zip/93938849301895fb73909842ba04af9b602f677a",),
)

Box = tuple[float, float, float, float]


class Raccoon(FixedImages):
    """200 colour photographs, each cropped to the square around its largest raccoon.

    Args:
        path: folder of ``images/`` and ``annotations/``, or a zip of it; by default ``$ALLMODES_DATA/fewshot-raccoon``,
            then downloaded.
        size: side in pixels.
        heldout: share of the images that is kept out of training.
        fold: which share.

    Raises:
        UserError: the files cannot be had, or the size is too small.
    """

    name = "raccoon"

    def __init__(self, *, path: Path | None = None, size: int = 64, heldout: float = 0.0, fold: int = 0) -> None:
        check_size(size)
        files = RACCOON.read(path)
        stems = sorted(Path(name).stem for name in files if name.endswith(".jpg"))
        tiles = []
        for stem in stems:
            photo = flattened(picture(files[f"images/{stem}.jpg"]))
            square = around(largest_box(files[f"annotations/{stem}.xml"]), photo.width, photo.height)
            tiles.append(photo.resize((size, size), Image.Resampling.LANCZOS, box=square))
        images = stacked(tiles, "RGB")
        super().__init__(images, None, digest(RACCOON.sha256, str(size)), heldout=heldout, fold=fold)


def largest_box(annotation: bytes) -> Box:
    """The largest box of a Pascal VOC annotation: left, top, right, bottom in pixels."""
    boxes = [
        tuple(float(box.findtext(side) or 0) for side in ("xmin", "ymin", "xmax", "ymax"))
        for box in ElementTree.fromstring(annotation).iter("bndbox")
    ]
    left, top, right, bottom = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    return left, top, right, bottom


def around(box: Box, width: int, height: int) -> Box:
    """The square around a box, as large as its longer side, moved and if need be reduced to lie within the photo."""
    left, top, right, bottom = box
    side = min(max(right - left, bottom - top), width, height)
    x = min(max((left + right - side) / 2, 0), width - side)
    y = min(max((top + bottom - side) / 2, 0), height - side)
    return x, y, x + side, y + side
