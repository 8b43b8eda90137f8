"""Trained enlargers on the pictures that papers measure on, beside bicubic enlargement.

    allmodes suite benchmarks/suites/bsds500-x4.yaml
    python benchmarks/enlarging.py runs/suites/bsds500-x4-quick Set5/image_SRF_4 Set14/image_SRF_4 --out x4.json

Each finished run of the suite answers each picture ten times; figures are means over pictures. PSNR and SSIM are those
of luma, as papers give them. Bicubic enlargement is Pillow's. Writes JSON, of which ``make tables`` makes a table.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from allmodes.bench.table import Table
from allmodes.cli.originals import pairs_in, shrinking
from allmodes.core.errors import UserError
from allmodes.core.files import write_json
from allmodes.data.pixels import to_float, to_uint8
from allmodes.evaluation.fidelity import Eye, Values
from allmodes.evaluation.pictures import Pair, evaluate_pictures, of_picture
from allmodes.reports.suite_results import RESULTS, read_results
from allmodes.reports.words import title_of
from allmodes.runs.run import Run
from allmodes.suites.origin import origin

Shrink = Callable[[Tensor, Tensor], Tensor]
EACH = 10  # answers to each picture
FIGURES = ("psnr_y", "psnr_y_mean", "psnr_y_best", "ssim_y", "st_lpips", "st_lpips_best", "diversity", "consistency")


def enlarged(given: Tensor, factor: int) -> Tensor:
    """Bicubic enlargement by Pillow: ``(3, h, w)`` in [-1, 1], of 256 values on either side."""
    picture = Image.fromarray(to_uint8(given).permute(1, 2, 0).numpy())
    size = (picture.width * factor, picture.height * factor)
    return to_float(
        torch.from_numpy(np.asarray(picture.resize(size, Image.Resampling.BICUBIC)).copy()).permute(2, 0, 1)
    )


def bicubic(pairs: Sequence[Pair], shrink: Shrink | None, eye: Eye) -> dict[str, float]:
    """The figures of bicubic enlargement, whose every answer is the same."""
    found: list[Values] = []
    for number, pair in enumerate(pairs):
        made = enlarged(pair.given, pair.truth.shape[-1] // pair.given.shape[-1])
        found.append(of_picture(made[None, None], pair, number, shrink, eye))
    return {name: float(torch.cat([values[name] for values in found]).mean()) for name in found[0]}


def row(data: str, who: str, found: dict[str, float]) -> dict[str, Any]:
    """A line of the table."""
    return {"pictures": data, "method": who, **{title_of(name): found[name] for name in FIGURES if name in found}}


def rows(suite: Path, folder: Path) -> list[dict[str, Any]]:
    """Every finished run of a suite on the pictures of a folder, below bicubic enlargement.

    Raises:
        UserError: there is no such suite or folder, or nothing in it is trained.
    """
    runs = [
        (entrant.title, suite / run.folder)
        for entrant in read_results(suite / RESULTS).members
        for run in entrant.finished
    ]
    if not runs:
        raise UserError(f"{suite} has no finished run: train it with 'allmodes suite'.")
    made: list[dict[str, Any]] = []
    for title, path in runs:
        model, shrink = Run(path).model(), shrinking(path)
        model.generator.eval()
        pairs = pairs_in(model, path, folder, None)
        if not made:
            made.append(row(folder.parent.name, "bicubic", bicubic(pairs, shrink, Eye.of(torch.device("cpu")))))
        found = evaluate_pictures(model, pairs, each=EACH, seed=0, shrink=shrink, device=torch.device("cpu"))
        made.append(row(folder.parent.name, title, {score.name: score.value for score in found.scores}))
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("suite", type=Path, help="the folder of a suite of recipes of super-resolution")
    parser.add_argument("pictures", type=Path, nargs="+", help="folders with a.._LR beside a.._HR")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("enlarging.json"), help="a .json file")
    arguments = parser.parse_args(words)
    torch.set_num_threads(arguments.threads)
    try:
        found = [line for folder in arguments.pictures for line in rows(arguments.suite, folder)]
        about = (
            "Ten answers to each picture, means over pictures. PSNR in dB and SSIM are of luma, without a border as "
            "wide as the factor; 'best' is the nearest of ten answers, 'mean' their mean."
        )
        table = Table("Enlarged by four", about, found)
        command = shlex.join(["python", "benchmarks/enlarging.py", *(sys.argv[1:] if words is None else words)])
        write_json(arguments.out, {"command": command, "origin": origin(), "tables": [table.to_json()]})
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table.to_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
