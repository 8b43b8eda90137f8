"""The report: whole, self-contained, safe, and honest about what is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from fake_runs import MakeRun

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.core.pictures import image_columns, image_grid
from allmodes.core.records import Score
from allmodes.evaluation.answers import spread
from allmodes.reports import read_run, write_report
from allmodes.reports.base import Section
from allmodes.reports.page import _tiles
from allmodes.reports.sections import components, latent_maps, sigma
from allmodes.reports.sections.answers import Answers
from allmodes.reports.sections.coverage import panels, read_coverage
from allmodes.reports.sections.curves import Curves
from allmodes.reports.sections.metrics import baseline, shared_certificate
from allmodes.reports.sections.published import tables
from allmodes.reports.sections.samples import Samples, corner
from allmodes.reports.words import write_figure

SECTIONS = entries("allmodes.reports.sections", Section)  # type: ignore[type-abstract]
VOID = {"meta", "img", "source", "br", "link", "hr"}


class Outline(HTMLParser):
    """Tags opened and closed, addresses, and images without a text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.mute: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [known[key] or "" for key in ("src", "srcset", "href", "xlink:href") if key in known]
        if "id" in known and not {"svg", "defs"} & set(self.open):
            self.ids.append(known["id"] or "")
        if (tag == "img" and not known.get("alt")) or (tag == "svg" and not known.get("aria-label")):
            self.mute.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(path: Path) -> Outline:
    parsed = Outline()
    parsed.feed(path.read_text(encoding="utf-8"))
    return parsed


def test_one_page_holds_everything(make_run: MakeRun, tmp_path: Path) -> None:
    names = {"a": "stacked-digits/gan", "b": "stacked-digits/imle-gan", "c": "super-resolution/gan"}
    runs = [make_run(name, folder=folder, missing=100 * (folder == "a")) for folder, name in names.items()]
    write_report(runs, tmp_path / "report.html")
    page = outline(tmp_path / "report.html")
    assert page.open == []
    assert page.mute == []
    assert len(set(page.ids)) == len(page.ids)
    assert set(SECTIONS) <= set(page.ids)
    assert "script" not in page.tags
    outside = [address for address in page.addresses if not address.startswith(("data:", "#"))]
    assert set(outside) == {"https://arxiv.org/abs/1712.04086"}  # the source of a published figure, only to click
    assert "@import" not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_renders_and_can_be_absent(make_run: MakeRun, tmp_path: Path, name: str) -> None:
    section = SECTIONS[name]()
    assert section.title
    whole = read_run(make_run("super-resolution/gan", folder="whole"))
    assert section.render(whole)
    (tmp_path / "recipe.yaml").write_text("title: Bare\n")
    bare = section.render(read_run(tmp_path))
    assert (bare is not None) == (name == "recipe")


def test_where_examples_are_matched_the_matched_distance_is_drawn_and_explained(make_run: MakeRun) -> None:
    run = read_run(make_run("stacked-digits/imle-gan", folder="a"))
    found = Curves().render(run)
    assert "matched distance over the presentations of training examples" in found
    assert "prior.dim" in found
    alone = [replace(line, scalars={"generator/loss": 0.5}) for line in run.train]
    assert "matched distance" not in Curves().render(replace(run, train=alone))


def test_a_figure_that_was_measured_once_has_no_curve(make_run: MakeRun) -> None:
    run = read_run(make_run("stacked-digits/imle-gan", folder="a"))
    assert "modes over the presentations" in Curves().render(run)
    assert "modes over the presentations" not in Curves().render(replace(run, evaluations=run.evaluations[-1:]))
    assert Curves().render(replace(run, evaluations=run.evaluations[-1:], train=run.train[:1])) is None


def test_the_evaluation_at_the_end_is_told_from_quick_looks(make_run: MakeRun) -> None:
    run = read_run(make_run("stacked-digits/imle-gan", folder="a"))
    end = replace(run.evaluations[-1], scalars={"modes": 999.0}, whole=True)
    alone, both = (Curves().render(replace(run, evaluations=(*run.evaluations, *more))) for more in ((), (end,)))
    assert "the ring is the evaluation at the end" in both
    assert "the ring" not in alone
    assert both.count("<use ") == alone.count("<use ") + 1  # a marker, and no line to it


@pytest.mark.parametrize(
    ("rows", "columns", "shown"), [(10, 9, (5, 5)), (8, 8, (4, 4)), (3, 9, (2, 5)), (1, 1, (1, 1))]
)
def test_no_image_of_a_grid_is_cut_where_a_part_of_it_is_shown(
    rows: int, columns: int, shown: tuple[int, int], tmp_path: Path
) -> None:
    grid = image_grid(np.zeros((rows * columns, 3, 64, 64), np.uint8), columns=columns)
    grid.save(tmp_path / "grid.png")
    whole = image_grid(np.zeros((shown[0] * shown[1], 3, 64, 64), np.uint8), columns=shown[1])
    assert np.array_equal(np.asarray(corner(tmp_path / "grid.png")), np.asarray(whole))
    names = ["input", *["answer"] * 5, "mean", "spread", "original"]
    if columns == len(names):
        image_columns(np.zeros((rows * columns, 3, 64, 64), np.uint8), names).save(tmp_path / "named.png")
        assert corner(tmp_path / "named.png").size == (whole.width, 18 + whole.height)


def test_a_conditional_run_says_what_its_columns_are_and_how_near_the_nearest_of_its_answers_is(
    make_run: MakeRun,
) -> None:
    path = make_run("super-resolution/conditional-imle", folder="a")
    recipe = yaml.safe_load((path / "recipe.yaml").read_text())
    recipe |= {"objective": {"name": "imle"}, "degradation": {"name": "grey"}, "data": {"name": "cifar10"}}
    (path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    run = read_run(path)
    assert run.title == "Conditional IMLE on cifar10"
    assert "an input, answers to it, their mean, their spread" in Samples().render(run)
    assert "white: by a fifth of the range" in Samples().render(run)
    for deviation, white in ((0.39, False), (0.4, True)):  # of pixels from -1 to 1, a range of 2
        answers = torch.tensor([-deviation, deviation]).view(2, 1, 1, 1)
        assert (float(spread(answers)) == 1) is white
    said = Answers().render(run)
    assert "The nearest of 3 answers is 25% nearer" in said
    assert "<svg" in said
    assert "answers to it" not in Samples().render(read_run(make_run("stacked-digits/gan", folder="b")))


def test_sections_are_ordered() -> None:
    orders = [cls.order for cls in SECTIONS.values()]
    assert len(set(orders)) == len(orders)


def test_planar_data(make_run: MakeRun, tmp_path: Path) -> None:
    write_report([make_run("toys/ring-imle", folder="a", planar=True)], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "data:image/gif" in text
    assert "over the centres of the modes" in text


def test_a_bare_run_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("title: Bare\n")
    write_report([tmp_path], tmp_path / "report.html")
    assert outline(tmp_path / "report.html").open == []


def test_recipe_text_is_escaped(make_run: MakeRun, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    path = make_run(evil, folder="a", title=evil)
    recipe = yaml.safe_load((path / "recipe.yaml").read_text())
    recipe |= {"about": evil, "published": [{"method": evil, "protocol": evil, "source": "javascript:alert(1)"}]}
    (path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    write_report([path], tmp_path / "report.html")
    page = outline(tmp_path / "report.html")
    assert "script" not in page.tags
    assert not [address for address in page.addresses if address.startswith("javascript")]


def test_coverage_counts_every_mode_once(make_run: MakeRun) -> None:
    run = read_run(make_run("stacked-digits/gan", folder="a", missing=104))
    coverage = read_coverage(run)
    assert coverage is not None
    drawn = panels(coverage)
    assert [panel.title for panel in drawn] == [f"red {digit}" for digit in range(10)]
    assert sum(len(panel.cells) for panel in drawn) == 1000
    assert sum(cell.missing for panel in drawn for cell in panel.cells) == (np.asarray(coverage.counts) == 0).sum()
    cell = drawn[3].cells[72]
    assert (cell.row, cell.column) == (7, 2)
    assert cell.text.startswith(f"3·7·2: {coverage.counts[372]:,.0f} samples")


def test_no_table_mixes_protocols(make_run: MakeRun) -> None:
    found = tables(read_run(make_run("stacked-digits/gan", folder="a")))
    assert list(found) == ["fresh", "unrolled-1/4", "veegan", "inclusive"]
    assert [line.method for line in found["fresh"]] == ["stacked-digits/gan", "StyleGAN2"]
    assert [line.ours for lines in found.values() for line in lines] == [True, False, False, False, False]


def test_a_figure_stands_beside_what_it_is_held_against() -> None:
    reach = Score("inversion_heldout", 0.25, detail={"training": 0.125})
    assert baseline(reach) == "the nearest training images: 0.1250"
    assert baseline(Score("inversion_heldout", 0.25)) == baseline(Score("kl", 0.1, detail={"training": 1.0})) == ""


def test_a_broken_picture_is_named(make_run: MakeRun, tmp_path: Path) -> None:
    path = make_run("stacked-digits/gan", folder="a")
    (path / "samples" / "images-000000000000.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"images-000000000000\.png"):
        write_report([path], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_no_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one run"):
        write_report([], tmp_path / "report.html")


def test_equal_files_give_equal_pages(make_run: MakeRun, tmp_path: Path) -> None:
    path = make_run("stacked-digits/gan", folder="a")
    for name in ("one.html", "two.html"):
        write_report([path], tmp_path / name)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0"),
        (0.00012, "0.0001"),
        (-0.5, "−0.5000"),
        (6.59, "6.59"),
        (1234, "1,234"),
    ],
)
def test_figures_are_written_plainly(value: float | None, text: str) -> None:
    assert re.sub(r"(\.\d\d)0+$", r"\1", write_figure("kl", value)) == re.sub(r"(\.\d\d)0+$", r"\1", text)


def test_figures_against_a_test_split_stand_above_beside_those_of_training_images(make_run: MakeRun) -> None:
    path = make_run("mnist/gan", folder="a")
    document = json.loads((path / "evaluation.json").read_text())
    found = {"name": "precision", "value": 0.81, "detail": {"training": 0.892, "missed": []}}
    for detail, tiles in ((found["detail"], [("precision", "0.810", "training images 0.892")]), ({}, [])):
        document["scores"] = [{**found, "detail": detail}]
        (path / "evaluation.json").write_text(json.dumps(document))
        assert [tile for tile in _tiles(read_run(path)) if tile[0] == "precision"] == tiles
    assert baseline(Score(**found)) == "as many training images: 0.892"


def test_what_is_seen_of_a_mixture_is_said(make_run: MakeRun) -> None:
    run = read_run(make_run("mnist/gm-gan", folder="a"))
    said = components.say(run.mixture) + components.by_classes(run.mixture["shares"])
    assert "The likeliest makes 68.0% of the samples, the least likely 32.0%." in said
    assert "the largest class has 70.0%, the smallest 30.0%" in said
    equal = components.say({"weights": [0.25] * 4, "classes": 2})
    assert (
        equal
        == "The prior has 4 components, 2 for each of 2 classes. Each is as likely as any other: 25.0% of the samples."
    )
    rows = components.Components().render(run)
    assert "Nothing in the training asks for it" in rows
    read = components.Components().render(replace(run, recipe={**run.recipe, "encoder": {"name": "mlp"}}))
    assert "one kind of the data each" in read
    assert "Nothing in the training asks for it" not in read
    assert latent_maps.together([0, 0, 0, 1, 1], [2, 2, 0, 1, 1]) == pytest.approx(0.8)
    assert "largest at 1: precision 0.800, recall 0.750" in sigma.say(run.mixture["sigma"])
    nothing = {**run.mixture["sigma"], "recall": [0.0, 0.0, 0.0]}
    assert "At no sigma are both above 0." in sigma.say(nothing)


def test_what_a_sample_costs_leaves_the_shared_certificate_as_it_is() -> None:
    kept = {"protocol": "fresh", "data": "a1"}
    scores = [Score("modes", 8, certificate=kept), Score("kl", 0.1, certificate={**kept, "samples": 5})]
    assert shared_certificate([*scores, Score("calls", 20)]) == shared_certificate(scores) == kept
    assert shared_certificate([Score("calls", 20)]) == {}
