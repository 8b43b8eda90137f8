"""HTML, Markdown and terminal tables from run folders; computes nothing that is not on disk."""

from .compare import Cell, Row, compare_table, to_markdown, to_terminal
from .page import write_report
from .run_files import RunFiles, read_run

__all__ = [
    "Cell",
    "Row",
    "RunFiles",
    "compare_table",
    "read_run",
    "to_markdown",
    "to_terminal",
    "write_report",
]
