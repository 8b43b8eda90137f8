"""HTML, Markdown and terminal tables from run folders; computes nothing that is not on disk."""

from .audits import Grid, as_markdown, compare_audits, holds_audit, write_audits_page
from .compare import Cell, Row, cautions, compare_table, to_markdown, to_terminal
from .page import write_report
from .run_files import RunFiles, read_run

__all__ = [
    "Cell",
    "Grid",
    "Row",
    "RunFiles",
    "as_markdown",
    "cautions",
    "compare_audits",
    "compare_table",
    "holds_audit",
    "read_run",
    "to_markdown",
    "to_terminal",
    "write_audits_page",
    "write_report",
]
