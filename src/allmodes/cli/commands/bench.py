"""``allmodes bench``: measure what the documentation claims, on this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..base import Answer, Command, Example, Parser


class Bench(Command):
    """Run a benchmark."""

    name = "bench"
    order = 9
    summary = "Measure the searches on this machine, beside those of others."
    about = (
        "Everything is measured side by side in one run, and told as ratios. Peers that are not installed are left "
        "out: pip install 'allmodes[bench]' brings them. Close other programs first."
    )
    examples = (
        Example("bench search --quick", "a first look in a minute or two"),
        Example("bench search --out runs/bench", "everything, with plots"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("subject", choices=["search"], metavar="SUBJECT", help="what to measure: search")
        parser.add_argument("--quick", action="store_true", help="fewer shapes and data sets")
        parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads for all of them (1)")
        parser.add_argument("--out", type=Path, metavar="DIR", help="also write search.md, search.json and plots there")

    def run(self, arguments: argparse.Namespace) -> Answer:
        import torch

        from ...bench.plots import growth_plot, rebuild_plot
        from ...bench.search import all_tables
        from ...core.files import write_json, write_text

        torch.set_num_threads(arguments.threads)
        machine, tables = all_tables(
            quick=arguments.quick, progress=lambda name: print(f"measuring: {name}", file=sys.stderr)
        )
        limits = (
            f"Threads: {arguments.threads}. Measured limits: {machine.flops / 1e9:.0f} GFLOP/s in a matrix product, "
            f"{machine.stream / 1e9:.0f} GB/s in sequence, {machine.scattered / 1e9:.1f} GB/s in scattered rows."
        )
        text = "\n\n".join([limits, *(table.to_markdown() for table in tables)])
        document = {"threads": arguments.threads, "machine": vars(machine), "tables": [t.to_json() for t in tables]}
        if arguments.out is not None:
            write_text(arguments.out / "search.md", text + "\n")
            write_json(arguments.out / "search.json", document)
            rebuild_plot(tables[0], arguments.out / "search-rebuild.png")
            if "intrinsic dimension" in tables[-1].rows[0]:
                growth_plot(tables[-1], arguments.out / "search-growth.png")
        return Answer(document, text)
