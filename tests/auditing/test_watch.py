"""Every checkpoint of a training is audited once, whatever comes between: the training, a stop, a fresh start."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from allmodes.auditing import Examples, audit
from allmodes.auditing import watch as room
from allmodes.auditing.watch import watch
from allmodes.core.errors import UserError
from allmodes.core.files import read_json, write_json
from allmodes.core.locks import locked
from allmodes.data.digits import SmallDigits
from allmodes.model import load_checkpoint
from allmodes.reports import write_report
from allmodes.reports.watched import Look
from allmodes.runs.folder import LOCK
from allmodes.runs.run import train

TINY = {
    "data.name": "digits",
    "images": 192,
    "batch": 64,
    "generator.widths": [16],
    "discriminator.widths": [16],
    "threads": 1,
    "device": "cpu",
    "checkpoint_seconds": 0.0001,
}
SAMPLES = 100
LOOKS = [64, 128, 192]


@pytest.fixture(autouse=True)
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SAMPLES", SAMPLES)
    if "report" not in request.node.name:  # drawing one takes as long as an audit of so few
        monkeypatch.setattr(room, "write_report", lambda runs, out: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended, with a checkpoint of each of its steps."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("allmodes.training.checkpoint.KEPT", 3)
        train("mnist/gan", folder / "run", overrides=TINY)
    return folder / "run"


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


@pytest.fixture(scope="module")
def real() -> Examples:
    batch = SmallDigits().batch(0, 120, 0)
    first = np.unique(batch.index.numpy(), return_index=True)[1]
    return Examples.of(batch.images[first])


def looked(real: Examples, run: Path, **more: Any) -> list[int]:
    """The looks that a watch takes, by the presentations until then."""
    made: list[int] = []
    watch(real, run, distance="pixels", metrics=(), then=lambda look, found: made.append(look.images), **more)
    return made


def test_each_look_is_the_audit_of_that_checkpoint(real: Examples, run: Path) -> None:
    members: list[dict[str, tuple[int, ...]]] = []
    watched = watch(
        real,
        run,
        distance="pixels",
        metrics=("recall",),
        then=lambda look, found: members.append({region.id: region.members for region in found.regions}),
    )
    assert [look.images for look in watched.looks] == LOOKS
    for look, path in zip(watched.looks, sorted((run / "checkpoints").iterdir()), strict=True):
        samples = Examples.of(load_checkpoint(path).sample(SAMPLES, seed=0))
        alone = audit(real, samples, distance="pixels", metrics=("recall",))
        assert (look.estimate, look.least) == (alone.dropped_mass.estimate, alone.dropped_mass.ci95[0])
        assert look.collapse == alone.answer().collapse
        assert [part.region for part in look.dropped] == [
            region.id for region in alone.regions if region in alone.dropped
        ]
        assert look.summary == {"recall": alone.summary["recall"].value}
    same = members[0].keys() & members[-1].keys()
    assert same
    assert all(sorted(members[0][region]) == sorted(members[-1][region]) for region in same)


def test_a_watch_that_was_stopped_goes_on_where_it_was(real: Examples, run: Path) -> None:
    made: list[int] = []

    def told(look: Look, found: object) -> None:
        made.append(look.images)
        if len(made) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(real, run, distance="pixels", metrics=(), then=told)
    assert [look["images"] for look in read_json(run / "watch.json")["looks"]] == LOOKS[:1]
    assert looked(real, run) == LOOKS[1:]  # the second was not told to its end
    assert [look["images"] for look in read_json(run / "watch.json")["looks"]] == LOOKS
    assert looked(real, run) == []


class Training:
    """A training at work: its lock is held, and each pause of the watch something happens."""

    def __init__(self, run: Path, *steps: Callable[[], object]) -> None:
        self.steps, self.held = list(steps), ExitStack()
        self.held.enter_context(locked(run / LOCK, "a training"))

    def pause(self, seconds: float) -> None:
        if self.steps:
            self.steps.pop(0)()
        else:
            self.held.close()


def test_checkpoints_are_looked_at_as_they_appear(
    real: Examples, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = sorted((run / "checkpoints").iterdir())
    away = [Path(shutil.move(path, tmp_path / path.name)) for path in (first, second, third)]
    shutil.rmtree(run / "model")

    def shown(*places: int) -> Callable[[], None]:  # as a training does it: it keeps two
        def act() -> None:
            for path in (run / "checkpoints").iterdir():
                path.unlink()
            for place in places:
                shutil.copy2(away[place], run / "checkpoints")

        return act

    work = Training(run, shown(0), lambda: None, shown(0, 1), shown(1, 2))
    monkeypatch.setattr(room.time, "sleep", work.pause)
    assert looked(real, run) == LOOKS
    assert not work.steps


def test_a_training_that_is_started_over_is_watched_from_its_start(
    real: Examples, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over() -> None:
        (run / "watch.json").unlink()
        for path in (run / "checkpoints").iterdir():
            path.touch()

    work = Training(run, over)
    monkeypatch.setattr(room.time, "sleep", work.pause)
    assert looked(real, run) == [*LOOKS, *LOOKS]
    assert len(read_json(run / "watch.json")["looks"]) == len(LOOKS)


def test_an_audit_of_a_training_that_was_started_over_meanwhile_is_not_kept(
    real: Examples, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def slow(*sides: Any, **asked: Any) -> object:
        if not made:
            (run / "watch.json").unlink()
        made.append(found := audit(*sides, **asked))
        return found

    monkeypatch.setattr(room, "audit", slow)
    assert looked(real, run) == LOOKS[1:]
    assert len(made) == len(LOOKS)


def test_a_run_that_vanishes_while_it_is_watched_is_told_and_not_made_anew(real: Examples, run: Path) -> None:
    with pytest.raises(UserError, match="run was deleted or moved while it was watched"):
        watch(real, run, distance="pixels", metrics=(), then=lambda look, found: shutil.rmtree(run))
    assert not run.exists()


def test_what_cannot_go_together_is_refused(real: Examples, run: Path, tmp_path: Path) -> None:
    looked(real, run)
    whole = (run / "watch.json").read_bytes()
    for more, what in (({"seed": 1}, "seed"), ({"labels": np.arange(len(real)) % 2}, "labels")):
        with pytest.raises(UserError, match=f"watch.json was begun with other {what}: ask as before, or delete it"):
            looked(real, run, **more)
    with pytest.raises(UserError, match="was begun with other data"):
        looked(real[torch.arange(len(real) - 1)], run)
    assert (run / "watch.json").read_bytes() == whole
    with pytest.raises(UserError, match="is not a run"):
        looked(real, tmp_path / "none")
    with locked(run / ".watch", "another watch is at work there"), pytest.raises(UserError, match="another watch"):
        looked(real, run)
    for folder in ("checkpoints", "model"):
        shutil.rmtree(run / folder)
    (run / "watch.json").unlink()
    with pytest.raises(UserError, match="is not at work, and has no checkpoint yet"):
        looked(real, run)


def test_a_report_that_a_kill_left_behind_its_looks_is_written_anew(
    real: Examples, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked(real, run)
    written: list[Path] = []
    monkeypatch.setattr(room, "write_report", lambda runs, out: written.append(out))
    assert looked(real, run) == []
    assert written == [run / "report.html"]


def test_a_damaged_checkpoint_is_passed_over(real: Examples, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = sorted((run / "checkpoints").iterdir())[1]
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    assert looked(real, run) == [64, 192]
    assert capsys.readouterr().err.count(f"{damaged} is damaged") == 1


def test_the_report_shows_the_curve_and_refuses_what_is_damaged(real: Examples, run: Path) -> None:
    watched = watch(real, run, distance="pixels", metrics=())
    page = (run / "report.html").read_text()
    assert f"about {watched.looks[-1].estimate:.1%} of the data (at least {watched.looks[-1].least:.1%})" in page
    assert "Share of the data that is dropped over the presentations" in page
    found = read_json(run / "watch.json")
    for broken in ({**found, "schema": 0}, {**found, "looks": [{"images": "many"}]}, {**found, "looks": None}):
        write_json(run / "watch.json", broken)
        with pytest.raises(UserError, match=r"watch.json is (damaged|not a watch of this version)"):
            write_report([run], run / "report.html")
