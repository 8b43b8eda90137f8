"""What the run's audit found."""

from __future__ import annotations

from ...core.files import read_json
from ..base import Section
from ..page import fill
from ..run_files import RunFiles


class Audit(Section):
    """The verdict of the audit, its three masses, and the way to its page."""

    name = "audit"
    order = 25
    title = "What it leaves out"

    def render(self, run: RunFiles) -> str | None:
        path = run.path / "audit" / "audit.json"
        return fill("audit_section.html", found=read_json(path)) if path.exists() else None
