"""What stays in ``results.json`` from one command to the next."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import yaml

from allmodes.reports.log_lines import Entry
from allmodes.reports.suite_results import RESULTS, read_results
from allmodes.suites.base import load_suite
from allmodes.suites.results import figures_of, kept_results, write_results
from allmodes.suites.side_by_side import Field
from allmodes.suites.trainings import trainings

ORIGIN = {"machine": "m", "torch": "2", "python": "3", "commit": "abc", "shared": "Alone."}


def test_what_ended_stays_and_what_was_only_asked_for_does_not(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"members": ["ring/gan", "ring/imle", "grid/gan"]}))
    suite, out = load_suite(str(tmp_path / "mine.yaml")), tmp_path / "out"
    asked = trainings(suite.members, [0], 1, out)

    def states(some: int, found: Field) -> dict[str, list[str]]:
        kept = kept_results(suite, out)
        write_results(suite, out, asked[:some], found, kept=kept, command="allmodes suite mine.yaml", origin=ORIGIN)
        return {member.name: [run.state for run in member.runs] for member in read_results(out / RESULTS).members}

    failed = Field([*asked[:1], *asked[2:]], [], failed={asked[1]: "The disk is full."})
    assert states(3, failed) == {"ring/gan": ["unfinished"], "ring/imle": ["failed"], "grid/gan": ["unfinished"]}
    assert states(1, Field(asked[:1], [])) == {"ring/gan": ["unfinished"], "ring/imle": ["failed"]}
    assert read_results(out / RESULTS).members[1].reasons == ["The disk is full."]


def test_seconds_are_of_the_whole_training_and_of_nothing_beside():
    log = {"train": [Entry(90, 9.0, 12.0, {"images_per_second": 10.0})], "evaluations": [Entry(100, 10.0, 300.0, {})]}
    files = SimpleNamespace(images=100, minutes=5.0, scores={}, headline={}, **log)
    found = figures_of(files)
    assert (found["seconds"], found["minutes"], found["images_per_second"]) == (10.0, 5.0, 10.0)
