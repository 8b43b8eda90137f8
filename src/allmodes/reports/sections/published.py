"""Published figures beside ours. Protocols differ in data, networks and samples: each has its own table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..base import Section
from ..page import fill
from ..run_files import RunFiles
from ..words import write_figure

MEANINGS = {
    "fresh": "new triples in every batch, 26,000 samples",
    "veegan": "128,000 fixed triples, DCGAN, 26,000 samples",
    "unrolled-1/4": "discriminator of a quarter of the size, 25,600 samples",
    "unrolled-1/2": "discriminator of half the size, 25,600 samples",
    "inclusive": "240,000 fixed triples of 32x32, 24,000 samples",
}


@dataclass(frozen=True)
class Line:
    """A method and its figures under one protocol."""

    method: str
    modes: str
    kl: str
    source: str
    ours: bool = False


def own_protocol(run: RunFiles) -> str:
    """What the evaluation says its protocol is."""
    for name in ("modes", "kl"):
        if name in run.scores and (protocol := run.scores[name].certificate.get("protocol")):
            return str(protocol)
    return "this run's own"


def tables(run: RunFiles) -> dict[str, list[Line]]:
    """The lines by protocol, this run's protocol first."""
    mine = own_protocol(run)
    ours = Line(run.name, write_figure("modes", run.figure("modes")), write_figure("kl", run.figure("kl")), "", True)
    found = {mine: [ours]}
    for entry in run.recipe.get("published") or ():
        if isinstance(entry, Mapping):
            line = Line(
                str(entry.get("method", "")),
                _written("modes", entry.get("modes")),
                _written("kl", entry.get("kl")),
                str(entry.get("source") or ""),
            )
            found.setdefault(str(entry.get("protocol") or "not stated"), []).append(line)
    return found


def _written(name: str, value: object) -> str:
    """A published figure with the digits it was published with."""
    if isinstance(value, int | float):
        return f"{value:,}" if name == "modes" else str(value)
    return write_figure(name, None) if value is None else str(value)


class Published(Section):
    """One table per protocol, never a column that mixes them."""

    name = "published"
    order = 60
    title = "Published figures"

    def render(self, run: RunFiles) -> str | None:
        if not run.recipe.get("published") or run.figure("modes") is None:
            return None
        return fill("published.html", tables=tables(run), meanings=MEANINGS)
