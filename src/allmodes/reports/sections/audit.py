"""What the run's audit found."""

from __future__ import annotations

from ..audits import holds_audit, is_outdated, read_audit
from ..base import Section
from ..page import fill
from ..run_files import RunFiles


class Audit(Section):
    """The verdict of the audit, its masses, and the way to its page."""

    name = "audit"
    order = 25
    title = "What it leaves out"

    def render(self, run: RunFiles) -> str | None:
        folder = run.path / "audit"
        if not holds_audit(folder):
            return None
        if is_outdated(folder):
            return fill("refused.html", said="audit/audit.json is of an earlier version: make the audit again.")
        return fill("audit_section.html", found=read_audit(folder))
