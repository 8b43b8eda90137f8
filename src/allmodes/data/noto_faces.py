"""The faces among Google's Noto Color Emoji: artwork of one style, aligned, on white.

They are read from the font itself, or from a folder of its pictures. The font stores colours multiplied by their
opacity, so the two differ by a level or two in 255.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..core.errors import UserError
from ..core.files import digest, require_plain
from .collection import Collection, data_folder, picture
from .fixed import FixedImages
from .pictures import check_size, flattened, resized, stacked

NOTO = Collection(
    "fewshot-noto-faces",
    r"u[0-9a-f]+\.png",
    "7a1eba464d1d5957a8876125b255d9a1bc7af8a8c07f31c1fa384ac4aa743270",
    (),
)
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
STRIKE, WIDE, HIGH = 109, 136, 128  # the only size that the font holds, and its pictures' width and height
FACES = (
    "☹☺🌚🌝🌞🎃👹👺👻👽👾💀💩😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓😔😕😖😗😘😙😚😛"
    "😜😝😞😟😠😡😢😣😤😥😦😧😨😩😪😫😬😭😮😯😰😱😲😳😴😵😶😷😸😹😺😻😼😽😾😿🙀🙁🙂🙃🙄"
    "🤐🤑🤒🤓🤔🤕🤖🤗🤠🤡🤢🤣🤤🤥🤧🤨🤩🤪🤫🤬🤭🤮🤯🥰🥱🥲🥳🥴🥵🥶🥸🥹🥺🧐🫠🫡🫢🫣🫤🫥🫨"
)


class NotoFaces(FixedImages):
    """123 faces of the Noto Color Emoji font, in colour on white.

    Args:
        path: the font, or a folder or zip of its pictures ``u1f600.png`` ...; by default
            ``$ALLMODES_DATA/fewshot-noto-faces``, then the font where the Debian package ``fonts-noto-color-emoji``
            puts it.
        size: side in pixels.
        heldout: share of the images that is kept out of training.
        fold: which share.

    Raises:
        UserError: they cannot be had, or the size is too small.
    """

    name = "noto-faces"

    def __init__(self, *, path: Path | None = None, size: int = 64, heldout: float = 0.0, fold: int = 0) -> None:
        check_size(size)
        source = path or data_folder(NOTO.folder) or FONT
        if source.suffix.lower() == ".ttf":
            faces, origin = drawn(source), digest(source.read_bytes())
        else:
            files, origin = NOTO.read(source), NOTO.sha256
            faces = [flattened(picture(files[f"u{ord(face):05x}.png"])) for face in FACES]
        images = stacked([resized(face, size) for face in faces], "RGB")
        super().__init__(images, None, digest(origin, str(size)), heldout=heldout, fold=fold)


def drawn(font: Path) -> list[Image.Image]:
    """The faces of a font, ``128 x 128``.

    Raises:
        UserError: there is no such font, or it lacks one.
    """
    require_plain(font)
    try:
        letters = ImageFont.truetype(str(font), STRIKE)
    except OSError as error:
        raise UserError(
            f"noto-faces are not on this machine: install the font (fonts-noto-color-emoji in Debian and Ubuntu), or "
            f"give its file with --data.path NotoColorEmoji.ttf ({font}: {error})."
        ) from error
    faces = [drawn_face(face, letters) for face in FACES]
    for character, face in zip(FACES, faces, strict=True):
        if len(face.getcolors(HIGH * HIGH) or ()) == 1:
            raise UserError(f"{font} has no picture of {character}: take version 2.042 of the font.")
    return faces


def drawn_face(face: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """A character in the middle of a white square."""
    canvas = Image.new("RGB", (WIDE, HIGH), "white")
    ImageDraw.Draw(canvas).text((0, 0), face, font=font, embedded_color=True, anchor="lt")
    margin = (WIDE - HIGH) // 2
    return canvas.crop((margin, 0, WIDE - margin, HIGH))
