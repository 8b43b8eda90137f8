"""A reader of layouts: a small network, trained once on pairs, that tells of each pixel of a photograph what it shows.

Answers to label maps are judged by what is read off them, as by the FCN score of Isola et al. (2017, section 4.1),
whose reader was trained on other data; this one is trained on the pairs that generators are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.errors import UserError
from ..core.files import cache_dir, digest
from ..core.progress import track
from ..core.seeding import derive_seed, stream
from ..core.tensors import load_tensors, save_tensors
from ..data.base import Dataset

SIDE = 64  # pixels at most, to which larger photographs are brought
WIDTH, STEPS, BATCH, RATE = 16, 300, 16, 5e-3
MOST = 4_000  # pairs that it learns from
VERSION = "1"  # a change of network or training makes older readers in the cache invalid


class LayoutReader(nn.Module):
    """Four scales, down and up again with what was seen on the way (U-Net: Ronneberger, Fischer & Brox 2015).

    Args:
        channels: of photographs.
        labels: how many there are.
    """

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        widths = (WIDTH, 2 * WIDTH, 4 * WIDTH, 4 * WIDTH)
        self.down = nn.ModuleList(_seen(i, o) for i, o in zip((channels, *widths), widths, strict=False))
        self.up = nn.ModuleList(_seen(i + o, o) for i, o in zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.head = nn.Conv2d(WIDTH, labels, 1)

    def forward(self, images: Tensor) -> Tensor:
        """``(n, C, H, W)`` in [-1, 1] -> logits ``(n, labels, H, W)``."""
        hidden, kept = images, []
        for number, part in enumerate(self.down):
            hidden = part(hidden if number == 0 else F.avg_pool2d(hidden, 2, ceil_mode=True))
            kept.append(hidden)
        for part, beside in zip(self.up, kept[-2::-1], strict=True):
            hidden = part(torch.cat([F.interpolate(hidden, beside.shape[-2:]), beside], 1))
        logits: Tensor = self.head(hidden)
        return logits


def _seen(channels: int, width: int) -> nn.Sequential:
    both = (nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1))
    return nn.Sequential(*(part for conv in both for part in (conv, nn.BatchNorm2d(width), nn.ReLU())))


@dataclass(frozen=True)
class Reader:
    """A trained reader.

    Args:
        network: in evaluation mode.
        fingerprint: of the pairs, the network and its training.
    """

    network: LayoutReader
    fingerprint: str

    @torch.no_grad()
    def agreement(self, images: Tensor, layouts: Tensor) -> Tensor:
        """Share of the pixels of each image that are read as the layout has them, float64 ``(n,)``.

        Args:
            images: ``(n, C, H, W)`` in [-1, 1].
            layouts: labels, int64 ``(n, h, w)``.
        """
        pairs = zip(torch.split(images, 100), torch.split(layouts, 100), strict=True)
        sides = ((self.network(small(some)).argmax(1), of_size(asked, some)) for some, asked in pairs)
        return torch.cat([(read == asked).double().mean((1, 2)) for read, asked in sides])


def layout_reader(dataset: Dataset, *, seed: int = 0) -> Reader:
    """The reader for these pairs, from the cache or trained now.

    Args:
        dataset: of photographs whose inputs are label maps.
        seed: of weights and batches.
    """
    assert dataset.palette is not None
    labels = len(dataset.palette)
    network = _initial(dataset.shape[0], labels, seed)
    key = f"layouts-{digest(dataset.fingerprint, str((dataset.shape, labels, seed)), VERSION)}"
    path = (cache_dir() / "features" / key).with_suffix(".safetensors")
    try:
        network.load_state_dict(load_tensors(path).tensors)
    except (RuntimeError, UserError):  # absent or damaged
        network = _initial(dataset.shape[0], labels, seed)
        _learn(network, dataset, seed)
        save_tensors(path, network.state_dict())
    return Reader(network.eval().requires_grad_(False), key)


def small(images: Tensor) -> Tensor:
    """Images ``(n, C, H, W)`` of at most ``SIDE`` pixels a side, by the means of their pixels."""
    size = [min(side, SIDE) for side in images.shape[-2:]]
    return images if list(images.shape[-2:]) == size else F.interpolate(images, size, mode="area")


def of_size(layouts: Tensor, images: Tensor) -> Tensor:
    """Label maps ``(n, h, w)`` at the size of :func:`small` images, by the nearest pixel: no label is made up."""
    size = [min(side, SIDE) for side in images.shape[-2:]]
    return F.interpolate(layouts[:, None].float(), size, mode="nearest-exact")[:, 0].long()


def _initial(channels: int, labels: int, seed: int) -> LayoutReader:
    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "layouts"))
        return LayoutReader(channels, labels)


def _learn(network: LayoutReader, dataset: Dataset, seed: int) -> None:
    """One-cycle AdamW on cross-entropy; every pair as it is or mirrored."""
    pairs, rng = dataset.batch(0, min(len(dataset), MOST), 0), stream(seed, "layouts")
    assert pairs.inputs is not None
    images, layouts = small(pairs.images), of_size(pairs.inputs, pairs.images)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-2)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    network.train()
    title = f"Learning to read layouts off {len(images):,} pictures (once; then kept)"
    for _ in track(range(STEPS), STEPS, title):
        rows = torch.randint(len(images), (BATCH,), generator=rng)
        shown, asked = images[rows], layouts[rows]
        if torch.rand((), generator=rng) < 0.5:
            shown, asked = shown.flip(-1), asked.flip(-1)
        optimizer.zero_grad()
        F.cross_entropy(network(shown), asked).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        cycle.step()
