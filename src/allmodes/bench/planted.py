"""Samples whose defect is known: other real data, of which a part was taken away, copied or spoilt."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..core.errors import UserError
from ..core.seeding import stream
from ..data.cifar10 import Cifar10
from ..data.fashion_mnist import FashionMnist
from ..data.images import Images
from ..data.mnist import Mnist

FACES = "orl-faces"
SIDE = 32  # pixels that faces are brought to


@dataclass(frozen=True)
class Pool:
    """Labelled images to draw both sides from.

    Args:
        name: for tables.
        images: uint8 ``(N, C, H, W)``.
        labels: int64 ``(N,)``.
    """

    name: str
    images: Tensor
    labels: NDArray[np.int64]

    def first(self, count: int | None) -> Pool:
        """The first so many images; all of them for None."""
        return Pool(self.name, self.images[:count], self.labels[:count])


Spoil = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Planted:
    """Data, and samples with a defect, as rows of the pool: its features are computed once for all of them.

    Args:
        real: the data, int64 ``(n,)``.
        fake: the samples ``(m,)``.
        labels: of the data, int64 ``(n,)``.
        lost: which of the data the samples lack, or have too few of, bool ``(n,)``.
        dropped: share of the data's law that the samples lack; None where they were spoilt: they may well lie elsewhere
            than some of the data, and nobody knows of how many.
        copied: share of the samples that are copies of data.
        spoil: what was done to the samples' images, uint8 ``(N, C, H, W)``, or None.
        pose: what was done to the images of the data that are lost, or None.
    """

    real: NDArray[np.int64]
    fake: NDArray[np.int64]
    labels: NDArray[np.int64]
    lost: NDArray[np.bool_]
    dropped: float | None = 0.0
    copied: float = 0.0
    spoil: Spoil | None = None
    pose: Spoil | None = None


Plant = Callable[[Pool, int, np.random.Generator], Planted]


NAMES = ("mnist", "fashion-mnist", "cifar10", "orl-faces")


def pools(wanted: Sequence[str] = NAMES) -> Iterator[Pool]:
    """MNIST, Fashion-MNIST, CIFAR-10 and the faces of ORL, as far as they are wanted, and here."""
    for name, images in zip(NAMES, (Mnist, FashionMnist, Cifar10), strict=False):
        if name not in wanted:
            continue
        try:
            data = images()
        except UserError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        assert data.labels is not None
        yield Pool(name, data.images, data.labels.numpy())
    faces = Path(os.environ.get("ALLMODES_DATA", "")) / FACES
    if NAMES[-1] in wanted and faces.is_dir():
        shown = Images(faces, size=SIDE)
        people = [Path(name).parent.name for name in shown.files]
        yield Pool(NAMES[-1], shown.images, np.unique(people, return_inverse=True)[1])


def nothing(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """Two random parts of the same data."""
    return _without(pool, n, rng, np.zeros(len(pool.labels)))


def class_kept(share: float) -> Plant:
    """One class has only this share of its samples."""

    def plant(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
        return _without(pool, n, rng, (1 - share) * (pool.labels == rng.choice(np.unique(pool.labels))))

    return plant


def part_removed(mass: float) -> Plant:
    """This share of the data has no samples: whole classes, and of the last one the extreme of its main variation."""

    def plant(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
        gone = np.zeros(len(pool.labels))
        for label in rng.permutation(np.unique(pool.labels)):
            members = np.flatnonzero(pool.labels == label)
            if (wanted := round(mass * len(gone) - gone.sum())) <= 0:
                break
            gone[members[np.argsort(_variation(pool.images[members]))[:wanted]]] = 1
        return _without(pool, n, rng, gone)

    return plant


def copied(share: float) -> Plant:
    """This share of the samples are examples of the data."""

    def plant(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
        made = nothing(pool, n, rng)
        count = round(share * len(made.fake))
        fake = np.concatenate([made.real[rng.permutation(n)[:count]], made.fake[count:]])
        return replace(made, fake=fake, copied=share)

    return plant


def blurred(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """Samples averaged over squares of 3 x 3."""
    return replace(nothing(pool, n, rng), dropped=None, spoil=blur)


def noisy(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """Samples with noise of a twentieth of the range."""
    return replace(nothing(pool, n, rng), dropped=None, spoil=add_noise)


def pale(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """Samples at a third of their contrast."""
    return replace(nothing(pool, n, rng), dropped=None, spoil=fade)


def darkest_removed(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """The darkest third of the data has no samples."""
    light = pool.images.float().mean((1, 2, 3)).numpy()
    return _without(pool, n, rng, (light <= np.quantile(light, 1 / 3)).astype(np.float64))


def reddest_removed(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """The third of the data with the most red against blue has no samples."""
    red, _, blue = pool.images.float().mean((2, 3)).T.numpy()
    return _without(pool, n, rng, (red - blue >= np.quantile(red - blue, 2 / 3)).astype(np.float64))


def pose_removed(share: float) -> Plant:
    """This share of the data, of every kind, lies on its side, and none of the samples does."""

    def plant(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
        return replace(nothing(pool, n, rng), lost=rng.random(n) < share, dropped=share, pose=turn)

    return plant


def tinted(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """Samples with a cast: blue at three quarters."""
    return replace(nothing(pool, n, rng), dropped=None, spoil=tint)


def thinned(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """The farther an example is from the mean, the fewer samples: half of them where a third are farther."""
    points = pool.images.flatten(1).float()
    far = (points - points.mean(0)).norm(dim=1).numpy()
    edge, width = np.quantile(far, 2 / 3), far.std() / 5
    kept = 1 / (1 + np.exp((far - edge) / width))
    made = _without(pool, n, rng, 1 - kept)
    lost = kept < kept.mean() / 2  # the ratio of densities is what is kept over its mean
    return replace(made, lost=lost[made.real], dropped=float(lost.mean()))


def fewer(pool: Pool, n: int, rng: np.random.Generator) -> Planted:
    """A quarter of the samples."""
    made = nothing(pool, n, rng)
    return replace(made, fake=made.fake[: n // 4])


def blur(images: Tensor) -> Tensor:
    """Mean over squares of 3 x 3, uint8 ``(N, C, H, W)``."""
    return avg_pool2d(images.float(), 3, stride=1, padding=1, count_include_pad=False).round().to(torch.uint8)


def fade(images: Tensor) -> Tensor:
    """A third of the contrast around the middle of the range, uint8 ``(N, C, H, W)``."""
    return (127.5 + (images.float() - 127.5) / 3).round().to(torch.uint8)


def tint(images: Tensor) -> Tensor:
    """Blue at three quarters, uint8 ``(N, 3, H, W)``."""
    return (images.float() * torch.tensor([1, 1, 0.75])[:, None, None]).round().to(torch.uint8)


def turn(images: Tensor) -> Tensor:
    """A quarter of a turn to the left, uint8 ``(N, C, S, S)``."""
    return images.rot90(1, (2, 3))


def add_noise(images: Tensor) -> Tensor:
    """Normal noise of a twentieth of the range, always the same, uint8 ``(N, C, H, W)``."""
    noise = torch.randn(images.shape, generator=stream(0, "noise")) * 255 / 20
    return (images + noise).round().clamp(0, 255).to(torch.uint8)


def _without(pool: Pool, n: int, rng: np.random.Generator, chance: NDArray[np.float64]) -> Planted:
    """Data, and samples that miss each example of the pool with this chance ``(N,)``."""
    order = rng.permutation(len(pool.labels))
    data, rest = order[:n], order[n:]
    samples = rest[rng.random(len(rest)) >= chance[rest]][:n]
    dropped = float((chance > 0).mean())
    return Planted(data, samples, pool.labels[data], chance[data] > 0, dropped)


def _variation(images: Tensor) -> NDArray[np.float64]:
    """Place of every image along the leading principal component, ``(n,)``."""
    places: NDArray[np.float64] = PCA(1, svd_solver="randomized", random_state=0).fit_transform(
        images.flatten(1).numpy()
    )
    return places[:, 0]
