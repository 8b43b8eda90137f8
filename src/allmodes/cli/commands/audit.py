"""``allmodes audit``: which part of the data a generator leaves out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ..answer import columns
from ..base import Answer, Command, Example, Parser

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...auditing import Findings

SHOWN = 10


class Audit(Command):
    """Audit a generator."""

    name = "audit"
    order = 6
    summary = "Say which part of the data a generator leaves out, and how sure that is."
    about = (
        "Data and samples are folders of images, .zip, .npy or .npz arrays of images (uint8) or features (floats), or "
        "trained runs. If nothing is dropped, the chance that any region is called dropped is at most 5%."
    )
    examples = (
        Example("audit --real photos/ --fake samples/ --out audit/", "two folders; audit/audit.json has everything"),
        Example("audit --real digits.npy --labels labels.npy --fake runs/a --out audit/", "a run, with known labels"),
        Example("audit --real real.npy --fake fake.npy --out audit/ --json", "features [n, d], used as they are"),
    )

    def configure(self, parser: Parser) -> None:
        parser.add_argument("--real", type=Path, required=True, metavar="PATH", help="the data")
        parser.add_argument("--fake", type=Path, required=True, metavar="PATH", help="samples, or a run to draw them")
        parser.add_argument("--labels", type=Path, metavar="FILE", help="a .npy of a label for every real example")
        parser.add_argument("--distance", default="pixels", metavar="D", help="feature space (default: pixels)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all that is random (default: 0)")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for audit.json")

    def run(self, arguments: argparse.Namespace) -> Answer:
        from ...auditing import audit

        labels = None if arguments.labels is None else read_labels(arguments.labels)
        found = audit(arguments.real, arguments.fake, distance=arguments.distance, labels=labels, seed=arguments.seed)
        found.to_json(arguments.out / "audit.json")
        return Answer(found.document(), "\n".join([as_text(found), f"\nEverything: {arguments.out / 'audit.json'}"]))


def read_labels(path: Path) -> NDArray[np.generic]:
    """One label for every example, numbers or text.

    Raises:
        UserError: it cannot be read, or is not one-dimensional.
    """
    import numpy as np

    try:
        labels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"--labels {path} cannot be read as an array ({error}): save one with numpy.save.") from error
    if not isinstance(labels, np.ndarray) or labels.ndim != 1:
        raise UserError(f"--labels {path} must hold one label for every example, in one dimension.")
    return labels


def as_text(found: Findings) -> str:
    """The verdict, the dropped regions and the metrics."""
    blocks = [found.verdict()]
    if found.dropped:
        rows = [("region", "in the data", "samples", "expected", "ratio", "p, corrected", "labels")]
        for region in found.dropped[:SHOWN]:
            counted = list((region.label_counts or {}).items())[:3]
            labels = ", ".join(f"{label} ({count})" for label, count in counted)
            figures = (f"{region.expected_fake:.0f}", f"{region.ratio or 0:.2f}", f"{region.q_value:.1e}")
            rows.append((region.id, str(len(region.members)), str(region.n_fake), *figures, labels))
        rest = len(found.dropped) - SHOWN
        blocks.append(columns(rows) + (f"\n... and {rest} more" if rest > 0 else ""))
    blocks.append(columns([(name.replace("_", " "), f"{score.value:.4f}") for name, score in found.summary.items()]))
    return "\n\n".join(blocks + [f"Note: {warning}" for warning in found.warnings])
