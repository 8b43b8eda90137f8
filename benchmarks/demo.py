"""The demo: the same two networks on 1,000 modes, without and with the matched distance.

Trains ``stacked-digits/gan-small`` and ``stacked-digits/imle-gan-small`` on the handwritten digits that come with
scikit-learn: equal networks, adversarial loss, learning rate and number of images. Prints one table, and leaves
``report.html`` and ``summary.json`` beside the two runs. A demo that was stopped goes on
where it was.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import allmodes
from allmodes.cli.answer import rendered
from allmodes.core.errors import UserError
from allmodes.core.files import write_json
from allmodes.reports import compare_table, read_run, to_terminal, write_report

RECIPES = ("stacked-digits/gan-small", "stacked-digits/imle-gan-small")


def demo(out: Path, *, fresh: bool, overrides: dict[str, Any]) -> dict[str, Any]:
    """Train, compare, report.

    Args:
        out: folder of the two runs and of what is said about them.
        fresh: start over.
        overrides: changes to both recipes.

    Returns:
        What ``summary.json`` holds: the chief figures of each recipe, and the minutes of it all.
    """
    began = time.perf_counter()
    runs = [allmodes.train(name, out / name.replace("/", "-"), overrides=overrides, fresh=fresh) for name in RECIPES]
    folders = [run.path for run in runs]
    write_report(folders, out / "report.html")
    trained = [read_run(folder).minutes or 0.0 for folder in folders]
    # Of a demo that was stopped and went on, the clock saw only the end; the runs know how long they took.
    minutes = max((time.perf_counter() - began) / 60, sum(trained))
    figures = {name: run.evaluation().headline() for name, run in zip(RECIPES, runs, strict=True)}
    summary = {**figures, "minutes": round(minutes, 2)}
    write_json(out / "summary.json", summary)
    print(rendered(to_terminal(compare_table(folders))))
    print(f"{minutes:.1f} minutes. Both side by side: {out / 'report.html'}")
    return summary


def main() -> int:
    """Run the demo from the command line."""
    parser = argparse.ArgumentParser(
        description="Train the same networks without and with the matched distance, and compare them."
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder (default: runs/demo)")
    parser.add_argument("--fresh", action="store_true", help="start over, even if there are runs")
    parser.add_argument("--images", type=int, help="present this many images instead of the recipes' number")
    arguments = parser.parse_args()
    overrides = {} if arguments.images is None else {"images": arguments.images}
    try:
        demo(arguments.out, fresh=arguments.fresh, overrides=overrides)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interruption:
        print(f"Interrupted. {interruption}".rstrip(), file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
