"""``allmodes compare``: runs side by side, the seeds of one recipe folded into a row."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import UserError
from ..answer import columns, rendered
from ..base import Answer, Command, Example, Parser

if TYPE_CHECKING:
    from ...reports import Row


class Compare(Command):
    """Put runs side by side."""

    name = "compare"
    order = 5
    summary = "Put runs side by side in one table, or in one page with pictures."
    about = (
        "Runs that differ only in their seed share a row: the mean, and the range in brackets. Folders of audits of "
        "the same data are compared as audits."
    )
    examples = (
        Example("compare runs/*", "a table of every run"),
        Example("compare runs/a runs/b --out both.html", "a page with sample pictures and plots"),
        Example("compare runs/a runs/b --out table.md", "the table in Markdown"),
        Example("compare audits/gan audits/imle", "two audits: what each drops"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders, or folders of audits")
        parser.add_argument("--out", type=Path, metavar="FILE", help="also write a page (.html) or a table (.md)")

    def run(self, arguments: argparse.Namespace) -> Answer:
        out = arguments.out
        if out is not None and out.suffix not in {".html", ".md"}:
            raise UserError(f"Cannot write a comparison to {out}: name a .html or a .md file.")
        from ...core.files import write_text
        from ...core.outputs import require_writable
        from ...reports import cautions, compare_table, holds_audit, to_markdown, to_terminal, write_report

        if out is not None:
            require_writable(out)
        if any(holds_audit(folder) for folder in arguments.runs):
            return audits(arguments.runs, out)
        rows, notes = compare_table(arguments.runs), [f"Note: {note}" for note in cautions(arguments.runs)]
        if out is not None and out.suffix == ".html":
            write_report(arguments.runs, out)
        elif out is not None:
            write_text(out, "\n".join([to_markdown(rows), *notes]))
        return Answer([as_document(row) for row in rows], "\n".join([rendered(to_terminal(rows)), *notes]))


def audits(folders: list[Path], out: Path | None) -> Answer:
    """Audits of the same data side by side."""
    from ...core.files import write_text
    from ...reports import as_markdown, compare_audits, write_audits_page

    grids = compare_audits(folders)
    if out is not None and out.suffix == ".html":
        write_audits_page(folders, grids, out)
    elif out is not None:
        write_text(out, as_markdown(grids))
    return Answer([vars(grid) for grid in grids], "\n\n".join(columns([g.headings, *g.rows]) for g in grids))


def as_document(row: Row) -> dict[str, Any]:
    """A row as plain data: every figure with its mean, its range and the number of seeds."""
    figures = {
        name: cell and {"mean": cell.mean, "low": cell.low, "high": cell.high, "seeds": cell.seeds}
        for name, cell in row.cells.items()
    }
    return {"recipe": row.recipe, "seeds": list(row.seeds), "figures": figures}
