"""Progress: seen on a terminal, rows below each other; in a log file a line now and then; nothing of what is quick."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from allmodes.core import progress
from allmodes.core.progress import showing, track, working


def watched(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> io.StringIO:
    """What goes to stderr, which is a terminal or a file."""
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "MOMENT", -1.0)
    return stream


def test_work_within_work_has_a_row_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = watched(monkeypatch, terminal=True)
    with showing(progress._bars(Console(file=stream, width=100, force_terminal=True))) as _:
        for _number in track(range(2), 2, "Evaluating"):
            with working("Descending to 9 images", 4) as advance:
                advance(1)
                rows = [(task.description, task.completed, task.visible) for task in progress._shown.tasks]
                progress._shown.refresh()
    assert rows == [("Evaluating", 1, True), ("Descending to 9 images", 1, True)]
    assert progress._shown is None
    assert " 25%" in stream.getvalue()


def test_an_error_closes_what_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    watched(monkeypatch, terminal=True)
    with pytest.raises(ValueError, match="halt"), working("Evaluating", 2):
        raise ValueError("halt")
    assert progress._shown is None


def test_a_log_file_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = watched(monkeypatch, terminal=False)
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    for _number in track(range(10), 10, "Reading"):
        now[0] += 4.0
    assert stream.getvalue().splitlines() == ["Reading: 20%", "Reading: 60%"]
    list(track(range(10_000), 10_000, "Quick"))
    assert "Quick" not in stream.getvalue()
