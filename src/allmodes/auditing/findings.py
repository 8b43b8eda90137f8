"""What an audit found, to be written: as data, and as a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.files import write_json
from .found import Found


@dataclass(frozen=True)
class Findings(Found):
    """An audit: which part of the data a generator leaves out. What it holds: see :class:`.found.Found`."""

    def save(self, folder: str | Path) -> None:
        """Write ``audit.json``, ``index.html``, and the pictures that a comparison shows, each whole or not at all.

        Raises:
            UserError: a file cannot be written.
        """
        from .page import write_page, write_pictures  # drawing takes a while to import

        drawn = write_pictures(self, Path(folder))
        write_page(self, Path(folder) / "index.html", drawn)
        self.to_json(Path(folder) / "audit.json")

    def to_json(self, path: str | Path) -> None:
        """Write ``audit.json``, whole or not at all.

        Raises:
            UserError: it cannot be written.
        """
        write_json(Path(path), self.document())

    def to_html(self, path: str | Path) -> None:
        """Write the page: one file that holds everything it shows.

        Raises:
            UserError: it cannot be written.
        """
        from .page import write_page  # drawing takes a while to import

        write_page(self, Path(path))
