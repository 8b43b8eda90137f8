"""Comparison tables: seeds folded, recipes apart."""

from __future__ import annotations

import io
import json
import statistics

import pytest
import yaml
from fake_runs import MakeRun
from rich.console import Console

from allmodes.reports import cautions, compare_table, read_run, to_markdown, to_terminal
from allmodes.reports.compare import headings


def test_seeds_of_one_recipe_are_folded(make_run: MakeRun) -> None:
    paths = [make_run("stacked-digits/imle-gan", folder=f"seed-{seed}", seed=seed) for seed in (2, 0, 1)]
    paths.append(make_run("stacked-digits/gan", folder="gan", missing=100))
    together, alone = compare_table(paths)
    kls = [read_run(path).scores["kl"].value for path in paths[:3]]
    cell = together.cells["kl"]
    assert cell is not None
    assert (cell.mean, cell.low, cell.high, cell.seeds) == (
        pytest.approx(statistics.mean(kls)),
        min(kls),
        max(kls),
        3,
    )
    assert together.seeds == (0, 1, 2)
    assert " to " in cell.text
    assert alone.cells["kl"] is not None
    assert " to " not in alone.cells["kl"].text


def test_conditional_runs_stand_side_by_side(make_run: MakeRun) -> None:
    paths = [make_run(f"super-resolution/{name}", folder=name) for name in ("conditional-imle", "regression")]
    certificate = {"protocol": "answers to inputs", "answers": "10 to each input", "data": "a1"}
    for path, diversity in zip(paths, (0.2, 0.0), strict=True):
        scores = [
            {"name": name, "value": value, "certificate": certificate}
            for name, value in (("diversity", diversity), ("consistency", 45.0), ("st_lpips_best", 0.3))
        ]
        (path / "evaluation.json").write_text(json.dumps({"scores": scores}))
    rows = compare_table(paths)
    assert headings(rows)[1:4] == ["ST-LPIPS, nearest answer", "diversity of answers", "consistency"]
    assert [row.cells["diversity"].mean for row in rows] == [0.2, 0.0]
    assert not cautions(paths)
    few = [{**score, "certificate": {**certificate, "answers": "4 to each input"}} for score in scores]
    (paths[1] / "evaluation.json").write_text(json.dumps({"scores": few}))
    assert any("'consistency' was not measured alike" in text for text in cautions(paths))


def test_runs_of_one_name_but_another_training_are_kept_apart(make_run: MakeRun) -> None:
    paths = [make_run("stacked-digits/gan", folder=folder) for folder in ("short", "long")]
    recipe = yaml.safe_load((paths[1] / "recipe.yaml").read_text())
    (paths[1] / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "images": 1}))
    assert [row.recipe for row in compare_table(paths)] == ["stacked-digits/gan [short]", "stacked-digits/gan [long]"]


def test_what_does_not_compare_is_said(make_run: MakeRun) -> None:
    paths = [make_run("stacked-digits/gan", folder=folder) for folder in ("a", "b", "c")]
    assert cautions(paths) == []
    for path, key, value in ((paths[1], "data", "other"), (paths[2], "protocol", "veegan")):
        evaluation = json.loads((path / "evaluation.json").read_text())
        for score in evaluation["scores"]:
            score["certificate"][key] = value
        (path / "evaluation.json").write_text(json.dumps(evaluation))
    found = cautions(paths)
    assert any("different data do not compare: a, c; b" in sentence for sentence in found)
    assert any("'modes' was not measured alike: a, b in" in sentence for sentence in found)


def test_missing_figures_are_dashes(make_run: MakeRun) -> None:
    path = make_run("folder/gan", folder="a")
    (path / "evaluation.json").unlink()
    (row,) = compare_table([path])
    assert row.cells["modes"] is None
    assert row.texts[1] == "–"


def test_markdown_is_a_table(make_run: MakeRun) -> None:
    paths = [make_run("a|b", folder="a"), make_run("stacked-digits/gan", folder="b")]
    lines = to_markdown(compare_table(paths)).splitlines()
    assert len(lines) == 4
    assert len({line.replace(r"\|", "").count("|") for line in lines}) == 1
    assert r"a\|b" in lines[2]


@pytest.mark.parametrize("width", [80, 160])
def test_terminal_never_folds_a_figure(make_run: MakeRun, width: int) -> None:
    paths = [make_run("stacked-digits/imle-gan", folder=f"{seed}", seed=seed) for seed in (0, 1)]
    console = Console(file=io.StringIO(), width=width)
    rows = compare_table(paths)
    console.print(to_terminal(rows))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for cell in rows[0].cells.values():
        assert cell is not None
        assert cell.text.split()[0] in text
    assert "0, 1" in text


def test_columns_are_those_that_some_run_has(make_run: MakeRun) -> None:
    first, second = make_run("stacked-digits/gan", folder="a"), make_run("few-shot/imle", folder="b")
    evaluation = {"scores": [], "headline": {"covered": 0.75}}
    (second / "evaluation.json").write_text(json.dumps(evaluation))
    alone, (one, two) = compare_table([second])[0], compare_table([first, second])
    assert list(alone.cells) == ["covered", "images", "minutes"]
    assert list(one.cells) == list(two.cells)
    assert {"modes", "kl", "covered"} < set(one.cells)
    assert one.cells["covered"] is two.cells["modes"] is None
    assert headings([alone])[1] == "covered"


def test_what_a_sample_costs_is_a_column_where_some_run_says_so(make_run: MakeRun) -> None:
    old, new = (make_run(f"stacked-digits/{name}", folder=name) for name in ("gan", "flow"))
    evaluation = json.loads((new / "evaluation.json").read_text())
    none = {"ci95": None, "n_real": None, "n_fake": None, "certificate": {}, "detail": {}, "warnings": []}
    cost = [{"name": "calls", "value": 20, **none}, {"name": "sampling_seconds", "value": 41.5, **none}]
    (new / "evaluation.json").write_text(json.dumps({**evaluation, "scores": evaluation["scores"] + cost}))
    assert {"calls", "sampling_seconds"}.isdisjoint(compare_table([old])[0].cells)
    first, second = compare_table([old, new])
    assert headings([first])[-3:] == ["network calls", "sampling seconds", "seed"]
    assert first.texts[-3:-1] == ["–", "–"]
    assert second.texts[-3:-1] == ["20", "41.5"]
