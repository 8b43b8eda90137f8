"""Draw the README's pictures from runs on disk.

First::

    make demo
    python benchmarks/results.py toys
    python benchmarks/results.py half --seeds 0
    python benchmarks/results.py few-shot --seeds 0 --data.heldout 0.2
    allmodes train few-shot/rs-imle --data raccoon --data.size 64 --data.heldout 0.2 --prior.dim 4 \\
        --out runs/raccoons
    python examples/adaptive_imle.py
    python examples/vanishing_gradient.py
"""

from __future__ import annotations

import shutil
from pathlib import Path

import matplotlib.colors
import numpy as np
from matplotlib.figure import Figure
from PIL.Image import Resampling

import allmodes
from allmodes.auditing.page import draw_gallery, draw_map
from allmodes.core.files import write_text
from allmodes.core.pictures import image_grid
from allmodes.data.digits import SmallDigits
from allmodes.reports import read_run
from allmodes.reports.sections.coverage import Panel, panels, read_coverage
from allmodes.runs.run import Run
from allmodes.training.build import build_dataset

GRIDS = {
    "runs/demo/stacked-digits-gan-small": "demo-gan-small.png",
    "runs/demo/stacked-digits-imle-gan-small": "demo-imle-gan-small.png",
    "runs/results/stacked-mnist-unrolled-half-gan-seed0": "tiny-gan.png",
    "runs/results/stacked-mnist-unrolled-half-seed0": "tiny-imle-gan.png",
}
DEMO = {"gan-small": "without the matched distance", "imle-gan-small": "with it"}
SHOWN = 16
COPIED = {
    "runs/results/ring-imle-seed0/samples/training.gif": "ring.gif",
    "runs/results/few-shot-one-to-one-seed0/samples/nearest.png": "few-shot.png",
    "runs/raccoons/samples/nearest.png": "raccoons.png",
    "runs/examples/adaptive_imle.gif": "adaptive-imle.gif",
    "runs/examples/vanishing_gradient.png": "vanishing-gradient.png",
}


def as_pixels(panel: Panel) -> np.ndarray:
    """The colours of a panel's modes, ``(rows, columns, 3)``."""
    pixels = np.ones((panel.rows, panel.columns, 3))
    for cell in panel.cells:
        pixels[cell.row, cell.column] = matplotlib.colors.to_rgb(cell.colour)
    return pixels


def draw_coverage(runs: Path, out: Path) -> None:
    """The maps of the 1,000 modes of the demo's runs, one above the other; a cross marks a mode without samples."""
    figure = Figure(figsize=(12, 3.1), layout="constrained")
    rows = figure.subfigures(len(DEMO), 1)
    for row, (name, title) in zip(rows, DEMO.items(), strict=True):
        coverage = read_coverage(read_run(runs / f"stacked-digits-{name}"))
        assert coverage is not None
        row.suptitle(f"{title}: {(coverage.counts >= 5).sum():,} of 1,000 modes", fontsize=11, x=0.01, ha="left")
        for axes, panel in zip(row.subplots(1, 10), panels(coverage), strict=True):
            axes.imshow(as_pixels(panel))
            missing = [(cell.column, cell.row) for cell in panel.cells if cell.missing]
            axes.scatter(
                *zip(*missing, strict=True) if missing else ([], []), marker="x", s=9, c="white", linewidths=0.8
            )
            axes.set_xticks([])
            axes.set_yticks([])
    figure.savefig(out, dpi=110)


def draw_audit(out: Path) -> None:
    """The map and a gallery of an audit: digits, and 'samples' that are other digits without the fours."""
    digits = SmallDigits()
    images, labels = digits.images.permute(0, 2, 3, 1), digits.labels
    fake = images[718:][labels[718:] != 4]
    found = allmodes.audit(images[:718], fake, labels=labels[:718])
    print(found.verdict())
    write_text(out / "audit-map.svg", draw_map(found, found.parts).replace("currentColor", "#777777"))
    gallery = draw_gallery(found, [example.index for example in found.examples[:12]])
    assert gallery is not None
    gallery.resize((3 * gallery.width, 3 * gallery.height), Resampling.NEAREST).save(out / "audit.png", optimize=True)


def main() -> None:
    """Draw all pictures into docs/images."""
    out = Path("docs/images")
    for folder, name in GRIDS.items():
        dataset = build_dataset(Run(Path(folder)).recipe)
        grid = image_grid(dataset.picture(allmodes.load(folder).sample(SHOWN)), columns=2)
        grid.save(out / name, optimize=True)
    draw_coverage(Path("runs/demo"), out / "coverage.png")
    draw_audit(out)
    for source, name in COPIED.items():
        shutil.copy(source, out / name)


if __name__ == "__main__":
    main()
