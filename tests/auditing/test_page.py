"""The page of an audit: complete, self-contained and safe."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading import complaints

from allmodes.auditing import Findings, audit
from allmodes.auditing.power import Power
from allmodes.auditing.ratios import DroppedMass
from allmodes.reports import compare_audits, write_audits_page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Findings, str]]:
    folder = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 4, 400)
    real = rng.normal(60, 10, (400, 8, 8)) + 40 * kinds[:, None, None]
    fake = real[rng.permutation(400)]
    fake = fake[fake.mean((1, 2)) < 160]
    noise = rng.integers(0, 2, 400)
    features = rng.normal(size=(300, 5)).astype(np.float32)
    made = {
        "lost": audit(real.astype(np.uint8), fake.astype(np.uint8), labels={"label": kinds, "noise": noise}),
        "whole": audit(features[:150], features[150:]),
    }
    texts = {}
    for name, found in made.items():
        found.to_html(folder / f"{name}.html")
        texts[name] = (found, (folder / f"{name}.html").read_text(encoding="utf-8"))
    return texts


@pytest.mark.parametrize("name", ["lost", "whole"])
def test_the_page_asks_nothing_of_the_network(pages: dict[str, tuple[Findings, str]], name: str) -> None:
    found, text = pages[name]
    answer, _, told = found.verdict().partition(". ")
    assert f"<h1>{answer}</h1>\n<p>{told}</p>" in text
    assert answer == f"Mode collapse: {found.answer().collapse}"
    addresses = re.findall(r"(?:src|href)=\"([^\"]*)\"", text)
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "<script" not in text
    for anchor in [address[1:] for address in addresses if address.startswith("#")]:
        assert f'id="{anchor}"' in text or anchor in text
    assert text.count("<h1>") == 1
    assert 'role="img"' in text


@pytest.mark.parametrize("name", ["lost", "whole"])
def test_a_reader_without_eyes_or_mouse_finds_everything(pages: dict[str, tuple[Findings, str]], name: str) -> None:
    assert complaints(pages[name][1]) == []


@pytest.mark.parametrize(
    ("what", "instead", "complaint"),
    [
        ('alt="Upper', 'title="Upper', "an image without a description"),
        (' lang="en"', "", "the page has no language"),
        ("h3", "h4", "heading 4 after 2"),
        (' role="img"', "", "a drawing without role and name"),
        (' tabindex="0"', "", "what scrolls cannot be reached"),
        ('href="#map"', 'href="https://example.org"', "something from outside"),
        ("<caption>", "<p>", "a table without a name"),
    ],
)
def test_what_such_a_reader_stumbles_over_is_noticed(
    pages: dict[str, tuple[Findings, str]], what: str, instead: str, complaint: str
) -> None:
    text = pages["lost"][1]
    assert what in text
    assert any(found.startswith(complaint) for found in complaints(text.replace(what, instead)))


def test_audits_side_by_side_can_be_read_like_that_too(pages: dict[str, tuple[Findings, str]], tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        pages["lost"][0].to_json(folder / "audit.json")
    write_audits_page(folders, compare_audits(folders), tmp_path / "both.html")
    assert complaints((tmp_path / "both.html").read_text(encoding="utf-8")) == []


def test_what_is_lost_is_shown(pages: dict[str, tuple[Findings, str]]) -> None:
    found, text = pages["lost"]
    assert found.dropped
    assert text.count('<figure class="gallery">') == min(len(found.dropped), 10) + 1
    assert all(alt.startswith("Upper row") for alt in re.findall(r'<img [^>]*alt="([^"]*)"', text))
    assert "copy an example" in text  # the samples were taken from the data
    assert re.search(r'<th scope="row">label 3</th><td>2\d%</td><td>0.0%</td><td>0.0% to \d.\d%</td>', text)
    assert '<th scope="row">noise 1</th>' in text
    assert text.count("cannot be told here</td><td>–</td>") == 2


def test_figures_of_parts_stand_in_one_table_after_all_pictures(pages: dict[str, tuple[Findings, str]]) -> None:
    found, text = pages["lost"]
    parts = text[text.index('id="parts"') : text.index('id="labels"')]
    galleries, table = parts[: parts.index("<table>")], parts[parts.index("<table>") :]
    assert "p =" not in galleries
    assert "% of it bear label 3" in galleries
    for number, part in enumerate(found.parts[:10], start=1):
        row = table[table.index(f'<th scope="row">{number}</th>') :]
        low, high = part.region.ci95
        told = [f"{len(part.region.members):,}", str(part.region.n_fake), f"{part.region.expected_fake:.0f}"]
        told += [f"{part.region.ratio:.2f}", f"{low:.2f} to {high:.2f}", f"{part.region.q_value:.1g}"]
        assert re.findall("<td[^>]*>([^<]*)", row)[:7] == [*told, f"{part.region.id} of {part.region.view}"]


def test_every_table_begins_with_what_it_shows(pages: dict[str, tuple[Findings, str]]) -> None:
    for _, text in pages.values():
        assert text.count("<table>\n<caption>") == text.count("<table") > 0


def test_labels_that_the_page_leaves_out_are_counted(tmp_path: Path) -> None:
    """Pairs that are not dropped are in audit.json alone: here 2 x 3 of them."""
    rng = np.random.default_rng(0)
    side = rng.normal(size=(2, 60, 3)).astype(np.float32)
    labels = {"one": rng.permutation(60) % 2, "other": rng.permutation(60) % 3}
    audit(*side, labels=labels, metrics=()).to_html(tmp_path / "page.html")
    assert "6 more labels and pairs of labels are in audit.json" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_shares_are_told_in_one_way(
    pages: dict[str, tuple[Findings, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of 0.04% that would be seen is that in the verdict and further down, not 0.0%."""
    found, _ = pages["whole"]
    power = Power(found.n_real, found.n_fake, 0.0004)
    monkeypatch.setattr(Findings, "power", property(lambda self: power))
    found.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "A part of 0.04% of the data" in found.verdict()
    assert "A compact part of 0.04% of the data" in text


def test_a_bound_is_not_rounded_up_to_more_than_the_page_has(
    pages: dict[str, tuple[Findings, str]], tmp_path: Path
) -> None:
    """At least 1.5% is not at least 2%."""
    mass = DroppedMass(0.041, (0.0151, None), 0.0)
    found = pages["whole"][0]
    found = replace(found, views=tuple(replace(view, dropped_mass=mass) for view in found.views))
    found.to_html(tmp_path / "page.html")
    assert "around 4% of the data (at least 1.5%)" in found.verdict()
    assert "at least 1.5%, with 95% confidence" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_is_whole_is_said_so(pages: dict[str, tuple[Findings, str]]) -> None:
    found, text = pages["whole"]
    assert not found.dropped
    assert "None of these is shown to have lost half of its samples" in text
    assert "Examples: #" in text
    assert "Note" not in text


def test_pictures_of_an_earlier_audit_do_not_stay(pages: dict[str, tuple[Findings, str]], tmp_path: Path) -> None:
    for name, drawn in {"lost": True, "whole": False}.items():  # images, then features
        pages[name][0].save(tmp_path)
        assert (tmp_path / "scarcest.png").exists() == drawn


def test_names_of_files_are_escaped(tmp_path: Path) -> None:
    for number in range(24):
        pixels = np.random.default_rng(number).integers(0, 255, (8, 8), dtype=np.uint8)
        (tmp_path / "real").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "real" / f"<b onclick=x>{number}.png")
    found = audit(tmp_path / "real", tmp_path / "real")
    found.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b onclick" not in text
    assert "&lt;b onclick" in text
