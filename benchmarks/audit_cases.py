"""Three generators to audit, of which it is known what they leave out: ships, the dark third, and nothing.

Writes ``data.npy`` and ``labels.npy``, 2,500 photographs of CIFAR-10 and what they show, and of 2,500 others, which
stand for the samples of a generator, ``without-ships.npy``, ``without-dark.npy`` and ``all.npy``. First::

    allmodes data prepare cifar10
    python benchmarks/audit_cases.py cases/

The pictures of docs/auditing.md show the pages of their audits, such as::

    chromium --headless --hide-scrollbars --window-size=860,1040 --screenshot=docs/images/audit-ships.png \\
        "file://$PWD/audits/ships/index.html"
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from allmodes.data.cifar10 import Cifar10

KINDS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 2_500


def write(out: Path) -> None:
    """Write the five files into this folder."""
    data = Cifar10()
    assert data.labels is not None
    images, labels = data.images[: 2 * SIDE].permute(0, 2, 3, 1).numpy(), data.labels[: 2 * SIDE].numpy()
    light = images.mean((1, 2, 3))
    samples, kinds = images[SIDE:], labels[SIDE:]
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "data.npy", images[:SIDE])
    np.save(out / "labels.npy", np.array(KINDS)[labels[:SIDE]])
    np.save(out / "without-ships.npy", samples[kinds != KINDS.index("ship")])
    np.save(out / "without-dark.npy", samples[light[SIDE:] > np.quantile(light, 1 / 3)])
    np.save(out / "all.npy", samples)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
