"""Words of a vocabulary for what is missing, without labels: CLIP says how much a picture is like each.

CLIP (Radford et al. 2021) brings pictures and texts into one space. Some pictures have a larger cosine to all texts
than others have, whatever these say; so a picture's likeness to 'dog' is its cosine to *a photo of a dog* less its mean
cosine to the words of ours: up to a factor, the log odds of the zero-shot classifier against them all. It is an
attribute of the picture like its brightness, and is tested like that (:mod:`.traits`): so a missing part may be more
'dog' than the rest. Nothing is learnt for it, so it may speak of what nobody labelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import UserError
from ..core.files import read_text
from ..distances.base import Distance
from ..distances.vision_transformers import ClipFeatures
from .attributes import Attribute
from .examples import Examples

OURS = "vocabulary.txt"
LONGEST = 60  # characters of a word that a message shows


@dataclass(frozen=True)
class Words:
    """A vocabulary, in the space where CLIP has pictures and texts.

    Args:
        names: the words.
        features: of them, each less the mean of ours, ``(w, D)``.
        clip: which brings pictures there.
    """

    names: tuple[str, ...]
    features: Tensor
    clip: ClipFeatures

    def measured(self, pictures: Examples) -> dict[Attribute, NDArray[np.float64]]:
        """Of each word, how much every picture is like it, ``(n,)``."""
        likeness = (pictures.embedded(self.clip) @ self.features.T).double().numpy()
        spoken = (Attribute(f"likeness to '{name}'", None, f"more '{name}'") for name in self.names)
        return dict(zip(spoken, likeness.T, strict=True))


@dataclass(frozen=True)
class Chosen:
    """The words that an audit holds against what is missing.

    Args:
        words: None where there are none.
        warnings: plain sentences.
    """

    words: Words | None = None
    warnings: tuple[str, ...] = ()


def choose_words(wanted: str | Path | Sequence[str] | None, data: Examples, distances: Sequence[Distance]) -> Chosen:
    """The vocabulary that was asked for; ours where CLIP is a view.

    Args:
        wanted: words, or the file that holds them, one a line; None for ours.
        data: the real examples.
        distances: the views. CLIP is that of them, where it is one.

    Raises:
        UserError: the vocabulary is empty, holds a word twice or something else than text, CLIP is not there, or the
            data are features.
    """
    if data.images is None:
        if wanted is not None:
            raise UserError("Words are held against pictures, and the data are features: leave the words out.")
        return Chosen()
    clip = next((distance for distance in distances if isinstance(distance, ClipFeatures)), None)
    if wanted is None and clip is None:
        return Chosen()
    names = vocabulary(wanted)
    if wanted is not None:
        return Chosen(_read(names, clip or ClipFeatures()))
    assert clip is not None
    try:
        return Chosen(_read(names, clip))
    except UserError as error:  # of weights that see and do not read
        return Chosen(None, (f"No words are said of what is missing. {error}",))


def _read(names: tuple[str, ...], clip: ClipFeatures) -> Words:
    ours = vocabulary()
    spoken = list(dict.fromkeys((*names, *ours)))
    found = clip.words(spoken)
    return Words(names, found[: len(names)] - found[[spoken.index(word) for word in ours]].mean(0), clip)


def vocabulary(wanted: str | Path | Sequence[str] | None = None) -> tuple[str, ...]:
    """The words themselves.

    Args:
        wanted: words, or the file that holds them, one a line; None for ours.

    Raises:
        UserError: there are none, one comes twice (in small or capital letters), or one is no text.
    """
    if wanted is None:
        lines = files(__package__).joinpath(OURS).read_text(encoding="utf-8").splitlines()
    elif isinstance(wanted, str | Path):
        lines = read_text(Path(wanted)).removeprefix("\ufeff").splitlines()
    else:
        lines = list(wanted)
    where = str(wanted) if isinstance(wanted, str | Path) else "The vocabulary"
    words = [" ".join(line.split()) for line in lines if isinstance(line, str) and line.strip()]
    strange = next(
        (line for line in lines if not isinstance(line, str) or not " ".join(line.split()).isprintable()), None
    )
    if strange is not None:
        raise UserError(f"{where} holds {repr(strange)[:LONGEST]}, which is no word: write one word or phrase a line.")
    if not words:
        raise UserError(f"{where} holds no words: write one word or phrase a line.")
    times = Counter(word.lower() for word in words)
    twice = next((word for word in words if times[word.lower()] > 1), None)
    if twice is not None:
        raise UserError(f"{where} holds the word '{twice[:LONGEST]}' twice: name each word once.")
    return tuple(words)
