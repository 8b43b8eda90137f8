"""Reproduce rows of docs/RESULTS.md: train recipes over seeds and print their table.

Every run is an ordinary run folder under ``runs/results``; one that was stopped goes on, one that is finished is only
read. Several seeds of a recipe become one row, mean and range. Further options change the recipes, as in training:
``python benchmarks/results.py demo --threads 1``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import allmodes
from allmodes.core.errors import UserError
from allmodes.reports import compare_table, to_markdown, write_report
from allmodes.training.recipe import parse_overrides

ROWS = {
    "demo": ("stacked-digits/gan-small", "stacked-digits/imle-gan-small"),
    "digits": ("stacked-digits/gan", "stacked-digits/gan-strong", "stacked-digits/imle-gan"),
    "quick": ("stacked-mnist/gan-quick", "stacked-mnist/imle-gan-quick"),
    "full": ("stacked-mnist/gan", "stacked-mnist/imle-gan"),
    "mlp4": ("stacked-mnist/gan-mlp4", "stacked-mnist/imle-gan-mlp4"),
    "quarter": ("stacked-mnist/unrolled-quarter-gan", "stacked-mnist/unrolled-quarter"),
    "half": ("stacked-mnist/unrolled-half-gan", "stacked-mnist/unrolled-half"),
    "rare": ("stacked-mnist/rare-gan", "stacked-mnist/rare-imle-gan"),
    "triangles": ("triangles/gan", "triangles/imle"),
    "few-shot": (
        "few-shot/gan",
        "few-shot/fastgan",
        "few-shot/imle",
        "few-shot/adaptive-imle",
        "few-shot/rs-imle",
        "few-shot/one-to-one",
        "few-shot/imle-gan",
        "few-shot/projected-gan",
        "few-shot/glo",
        "few-shot/glann",
    ),
    "photographs": ("few-shot/imle-gan", "few-shot/projected-gan"),
    "mnist": (
        "mnist/gan",
        "mnist/gm-gan-static",
        "mnist/gm-gan-wasserstein",
        "mnist/gm-gan-em",
        "mnist/gm-gan-supervised",
    ),
    "crowd": ("crowd/imle", "crowd/adaptive-imle", "crowd/rs-imle"),
    "toys": (
        "ring/gan",
        "ring/unrolled-gan",
        "ring/imle",
        "grid/gan",
        "grid/unrolled-gan",
        "grid/imle",
        "spiral/gan",
        "spiral/imle",
    ),
}


def main() -> None:
    """Train what is not trained yet, then print the table and write one page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", choices=ROWS, help="which rows")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/results"))
    arguments, rest = parser.parse_known_args()
    changes = parse_overrides(rest)
    folders = []
    for seed in arguments.seeds:
        for recipe in ROWS[arguments.row]:
            out = arguments.out / f"{recipe.replace('/', '-')}-seed{seed}"
            folders.append(allmodes.train(recipe, out, overrides={**changes, "seed": seed}).path)
    print(to_markdown(compare_table(folders)))
    write_report(folders, arguments.out / f"{arguments.row}.html")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt as interrupted:
        sys.exit(str(interrupted) or "Interrupted.")
