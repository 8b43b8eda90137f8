"""What a suite's page and table say, from ``results.json`` written by hand and run folders made by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_runs import MakeRun

from allmodes.core.errors import UserError
from allmodes.reports.log_lines import Entry
from allmodes.reports.run_files import read_run
from allmodes.reports.suite_curves import curve, curves, lines_of
from allmodes.reports.suite_page import write_suite_page
from allmodes.reports.suite_results import (
    RESULTS,
    SuiteResults,
    failures,
    headline,
    read_results,
    rows_of,
    suite_markdown,
    verdict,
)

ORIGIN = {
    "machine": "a machine",
    "torch": "2.13.0",
    "python": "3.11",
    "commit": "0123456789abcdef+",
    "shared": "Trained 2 at a time, 1 thread each.",
}


def run(seed: int, folder: str = "none", **figures: float) -> dict[str, Any]:
    state = {"state": "finished", "reason": ""} if figures else {"state": "failed", "reason": "The disk is full."}
    command = f"allmodes train x --seed={seed}"
    found = {"seed": seed, **state, "folder": folder, "command": command, "figures": figures, "where": {}}
    return {**found, "commit": ORIGIN["commit"]}


def member(title: str, *runs: dict[str, Any], group: str = "ring") -> dict[str, Any]:
    return {"name": title, "title": title, "group": group, "recipe": "ring/gan", "runs": list(runs)}


def document(*members: dict[str, Any], measures: tuple[str, ...] = ("modes", "kl")) -> dict[str, Any]:
    words = {"suite": "mine", "title": "Mine", "about": "Whose.", "budget": "quick", "command": "allmodes suite mine"}
    rest = {"measures": list(measures), "seeds": [0, 1], "origin": ORIGIN, "members": list(members)}
    return {"schema": 1, **words, **rest}


def results(path: Path, *members: dict[str, Any], measures: tuple[str, ...] = ("modes", "kl")) -> SuiteResults:
    (path / RESULTS).write_text(json.dumps(document(*members, measures=measures)))
    return read_results(path / RESULTS)


def test_the_first_measure_decides(tmp_path: Path) -> None:
    found = results(
        tmp_path,
        member("a", run(0, modes=5, kl=0.1), run(1, modes=7, kl=0.3)),
        member("b", run(0, modes=8, kl=0.9), run(1, modes=10, kl=0.9)),
    )
    assert headline(found) == "ring: b is first by modes with 9 (8 to 10), before a with 6 (5 to 7)."


@pytest.mark.parametrize(("measure", "first"), [("kl", "a"), ("confidence", "b")])
def test_less_is_better_where_it_is(measure: str, first: str, tmp_path: Path) -> None:
    low, high = (run(0, **{measure: value}) for value in (0.25, 0.75))
    found = results(tmp_path, member("a", low), member("b", high), measures=(measure,))
    assert verdict(found, "ring").startswith(f"ring: {first} is first by")


def test_what_the_first_had_more_of_is_said(tmp_path: Path) -> None:
    costly = member("flow", run(0, kl=0.1, images=2_000_128, calls=20))
    cheap = [member(name, run(0, kl=kl, images=500_224, calls=1)) for name, kl in (("a", 0.2), ("b", 0.05))]
    found = results(tmp_path, costly, *cheap, measures=("kl",))
    assert verdict(found, "ring") == (
        "ring: b is first by KL with 0.0500, before flow with 0.1000 (presentations 500,224 and 2,000,128, network "
        "calls 1 and 20); one seed settles little."
    )
    found = results(tmp_path, *cheap, member("c", run(0, kl=0.06, images=520_000, calls=1)), measures=("kl",))
    assert verdict(found, "ring").endswith("before c with 0.0600; one seed settles little.")


def test_overlapping_ranges_and_single_seeds_are_said(tmp_path: Path) -> None:
    over = [member("a", run(0, kl=0.1), run(1, kl=0.3)), member("b", run(0, kl=0.2), run(1, kl=0.4))]
    assert verdict(results(tmp_path, *over, measures=("kl",)), "ring").endswith("; their ranges overlap.")
    one = [member("a", run(0, kl=0.1)), member("b", run(0, kl=0.2), run(1, kl=0.4))]
    assert verdict(results(tmp_path, *one, measures=("kl",)), "ring").endswith("; one seed settles little.")


def test_where_the_first_measure_is_level_the_next_decides(tmp_path: Path) -> None:
    found = results(
        tmp_path,
        member("a", run(0, modes=8, kl=0.25)),
        member("b", run(0, modes=7, kl=0.001)),
        member("c", run(0, modes=8, kl=0.125)),
    )
    said = verdict(found, "ring")
    assert said.startswith("ring: a and c are level by modes (8); of these c is first by KL with 0.1250, before a")
    level = results(tmp_path, member("a", run(0, modes=8)), member("c", run(0, modes=8)))
    assert verdict(level, "ring") == "ring: a and c are level by modes (8)."


def test_each_group_has_a_winner_and_only_its_own_rows(tmp_path: Path) -> None:
    found = results(
        tmp_path,
        member("a", run(0, modes=8)),
        member("a2", run(0, modes=7)),
        member("b", run(0, modes=20), group="grid"),
        member("c", run(0), group="spiral"),
    )
    assert [row.recipe for row in rows_of(found, "ring")] == ["a", "a2"]
    assert headline(found).endswith("grid: b alone has figures. spiral: nothing has been trained.")


def test_a_failure_is_a_row_with_its_reason(tmp_path: Path) -> None:
    found = results(tmp_path, member("a", run(0, modes=8)), member("<b>", run(0), run(1)))
    assert failures(found) == ["<b>: The disk is full."]
    empty = rows_of(found, "ring")[1]
    assert (empty.recipe, set(empty.cells.values()), empty.seeds) == ("<b>", {None}, ())
    write_suite_page(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert '<th scope="row">&lt;b&gt;</th><td class="words" colspan="2">The disk is full.</td>' in page
    assert "- <b>: The disk is full." in (tmp_path / "table.md").read_text()


def test_a_seed_that_failed_is_left_out_of_the_mean_and_told(tmp_path: Path) -> None:
    found = results(tmp_path, member("a", run(0, modes=8), run(1)), member("b", run(0, modes=6)))
    (row, _) = rows_of(found, "ring")
    assert row.seeds == (0,)
    assert failures(found) == ["a, seed 1: The disk is full."]


def test_no_member_is_first_where_none_has_a_figure(tmp_path: Path) -> None:
    found = results(tmp_path, member("a", run(0, images=5.0)), member("b", run(0, images=6.0)))
    assert verdict(found, "ring") == "ring: no member has a figure of modes and KL."


def test_the_table_says_command_seeds_machine_and_commit(tmp_path: Path) -> None:
    text = suite_markdown(results(tmp_path, member("a", run(0, modes=8)), member("b", run(0, modes=7))))
    assert text.startswith("`allmodes suite mine` (seeds 0, 1). a machine; torch 2.13.0, Python 3.11, commit 012345678")
    assert "with changes" in text
    assert "| a | 8 | 0 |" in text


def test_figures_are_said_to_be_of_the_commits_that_they_are_of(tmp_path: Path) -> None:
    """A seed that was added by a later version does not make the others figures of that version."""
    first, second, failed = {**run(0, modes=8), "commit": "a" * 40}, {**run(1, modes=8), "commit": "b" * 40}, run(2)
    text = suite_markdown(results(tmp_path, member("a", first, second, failed)))
    assert "commits aaaaaaaaa and bbbbbbbbb. Trained" in text
    text = suite_markdown(results(tmp_path, member("a", {**first, "commit": None})))
    assert "Python 3.11. Trained" in text


def test_the_page_shows_curves_samples_coverage_and_audits(make_run: MakeRun, tmp_path: Path) -> None:
    for name in ("gan", "imle"):
        make_run(f"stacked-digits/{name}", folder=f"runs/{name}")
    members = [member(name, run(0, f"runs/{name}", modes=900, kl=0.1, images=3.0)) for name in ("gan", "imle")]
    results(tmp_path, *members)
    write_suite_page(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.index("ring: gan and imle are level") < page.index("<table")
    for said in ("modes of every member over minutes", "KL of every member over presentations"):
        assert said in page
    assert page.count("Samples of gan after") == 1
    assert page.count("Drops &lt;some&gt;.") == 2
    assert page.count("modes without samples") >= 20  # ten panels for each of two members
    assert 'src="http' not in page


def test_the_page_leads_to_the_reports_that_are_there(make_run: MakeRun, tmp_path: Path) -> None:
    for name in ("gan", "imle"):
        make_run(f"stacked-digits/{name}", folder=f"runs/{name}")
    (tmp_path / "runs" / "gan" / "report.html").write_text("a report")
    results(tmp_path, *[member(f"<{name}>", run(3, f"runs/{name}", modes=9)) for name in ("gan", "imle")])
    write_suite_page(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert '<a href="runs/gan/report.html">&lt;gan&gt; in ring, seed 3</a>' in page
    assert "runs/imle/report.html" not in page


def test_a_figure_that_cannot_be_below_nothing_has_no_axis_there(make_run: MakeRun, tmp_path: Path) -> None:
    """A share of copies that stays at 0 is a line at the foot of its plot, not in the middle."""
    files = read_run(make_run("few-shot/gan", folder="runs/gan"))
    looks = [replace(look, scalars={"copied_mass": 0.0}) for look in files.evaluations]
    (plot, _) = curves(lines_of({"gan": [replace(files, evaluations=looks)]}), ["copied_mass"])
    assert "copied" in plot
    assert "\N{MINUS SIGN}" not in plot


def test_answers_to_inputs_are_shown_as_such_and_large(make_run: MakeRun, tmp_path: Path) -> None:
    for name in ("conditional-imle", "regression"):
        with open(make_run(f"super-resolution/{name}", folder=f"runs/{name}") / "recipe.yaml", "a") as recipe:
            recipe.write("degradation: {name: downsample}\n")
    results(tmp_path, *(member(name, run(0, f"runs/{name}", psnr=9)) for name in ("conditional-imle", "regression")))
    write_suite_page(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert re.search(r'<h3>Inputs, answers and originals</h3>\s*<div class="plots wide">', page)
    assert "drawn at random" not in page
    assert "Real examples" not in page


def test_a_page_can_be_made_without_the_runs(tmp_path: Path) -> None:
    results(tmp_path, member("a", run(0, "runs/a", modes=8)), member("b", run(0, "runs/b", modes=7)))
    write_suite_page(tmp_path)
    assert "Samples, drawn at random" not in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 9}, "schema 1"),
        ({"members": [{}]}, "damaged"),
        ({"seeds": ["x"]}, "damaged"),
        ({"origin": 3}, "damaged"),
    ],
)
def test_what_is_no_result_is_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / RESULTS).write_text(json.dumps({**document(), **change}))
    with pytest.raises(UserError, match=said):
        read_results(tmp_path / RESULTS)


def test_a_curve_over_minutes_counts_training_alone():
    log = [Entry(100, 60.0, 90.0, {"kl": 2.0}), Entry(200, 120.0, 900.0, {"kl": 1.0})]
    assert curve(SimpleNamespace(evaluations=log), "kl", "minutes", whole=False) == ([1.0, 2.0], [2.0, 1.0])


def test_the_evaluation_at_the_end_is_no_point_of_the_curve_of_quick_looks():
    """Of ten answers the nearest is nearer than of four: a line from one to the other would show a gain of nothing."""
    log = [Entry(at, at, at, {"kl": value}) for at, value in ((100, 2.0), (200, 1.0))]
    run = SimpleNamespace(evaluations=[*log, Entry(200, 200, 300, {"kl": 0.5}, whole=True)])
    assert curve(run, "kl", "images", whole=False) == ([100, 200], [2.0, 1.0])
    assert curve(run, "kl", "images", whole=True) == ([200], [0.5])
