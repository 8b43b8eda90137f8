"""Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): 60,000 + 10,000 grey images of clothes, in MNIST's format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from .base import Labelled
from .choice import Choice
from .fixed import FixedImages
from .mnist import Source, open_idx
from .pixels import to_float

FASHION_SOURCE = Source(
    "fashion-mnist",
    (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    installed=Path("/usr/share/datasets/fashion-mnist"),
)


class FashionMnist(FixedImages):
    """The 60,000 training images.

    Args:
        path: folder of the four idx files; by default looked for in ``$ALLMODES_DATA/fashion-mnist``, where the
            Debian package ``dataset-fashion-mnist`` puts them, and then downloaded.
        classes: which clothes, ``[3, 5]``; they are labelled 0, 1, ... in this order. All by default.
        shares: of each of them, ``[0.7, 0.3]``; as they are by default.

    Raises:
        UserError: the files cannot be had, or see :class:`Choice`.
    """

    name = "fashion-mnist"

    def __init__(
        self,
        *,
        path: Path | None = None,
        classes: Sequence[int] | None = None,
        shares: Sequence[float] | None = None,
    ) -> None:
        self._parts = open_idx(FASHION_SOURCE, path).chosen(Choice(classes, shares))
        super().__init__(self._parts.train_images, self._parts.train_labels, self._parts.fingerprint)

    @property
    def test_images(self) -> Tensor:
        return to_float(self._parts.test_images)

    def labelled(self) -> Labelled:
        return self._parts.labelled()
