"""What a section of a report is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from .run_files import RunFiles


class Section(ABC):
    """One part of a report, drawn from one run's files.

    Attributes:
        name: kebab-case; also its anchor in the page.
        order: sections are shown in ascending order.
        title: its heading.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    title: ClassVar[str]

    @abstractmethod
    def render(self, run: RunFiles) -> str | None:
        """The section of this run as HTML without its heading, or None if the run has nothing to show."""
