"""Audits side by side, from their files."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_runs import MakeRun

from allmodes.auditing import audit
from allmodes.cli import main
from allmodes.core.errors import UserError
from allmodes.reports import as_markdown, compare_audits, write_report


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("audits")
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 4, 900)
    points = (rng.normal(size=(900, 3)) + 12 * kinds[:, None]).astype(np.float32)
    real, fake = points[:500], points[500:]
    made = {
        "whole": (real, fake, 0),
        "lost": (real, fake[kinds[500:] != 2], 0),
        "seeded": (real, fake, 1),
        "other": (real[:400], fake, 0),
    }
    for name, (data, samples, seed) in made.items():
        audit(data, samples, seed=seed).save(root / name)
    return {name: root / name for name in made}


def test_two_audits_share_their_tables(folders: dict[str, Path]) -> None:
    figures, regions = compare_audits([folders["whole"], folders["lost"]])
    assert [row[0] for row in figures.rows] == [str(folders["whole"]), str(folders["lost"])]
    assert figures.rows[0][5] == "0"
    assert int(figures.rows[1][5]) > 0
    assert all("dropped" in row[3] and "dropped" not in row[2] for row in regions.rows)
    assert all(len(row) == len(grid.headings) for grid in (figures, regions) for row in grid.rows)
    assert as_markdown([figures]).count("\n") == 3 + 1 + len(figures.rows)


def test_what_bounds_nothing_has_no_upper_end(folders: dict[str, Path]) -> None:
    figures = compare_audits([folders["whole"], folders["lost"]])[0]
    assert figures.headings[1:3] == ("data dropped", "crowded")
    for row in figures.rows:
        assert re.fullmatch(r"[\d.]+% \(at least [\d.]+%\)", row[1])
        assert re.fullmatch(r"[\d.]+% \([\d.]+% to [\d.]+%\)", row[3])
    assert figures.headings[6] == "p of one law"
    assert 1 >= float(figures.rows[0][6]) > float(figures.rows[1][6]) == 0.005


def test_an_audit_of_an_earlier_version_is_not_shown(tmp_path: Path, make_run: MakeRun) -> None:
    """Its verdict may say how much could be missing at most, which nobody knew."""
    run = make_run("stacked-digits/gan", folder="a")
    old = {
        **json.loads((run / "audit" / "audit.json").read_text()),
        "schema": 1,
        "verdict": "Up to 1% could be missing.",
    }
    (run / "audit" / "audit.json").write_text(json.dumps(old))
    with pytest.raises(UserError, match="not an audit of this version: make it again"):
        compare_audits([run / "audit", run / "audit"])
    write_report([run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "of an earlier version: make the audit again" in page
    assert "Up to 1%" not in page


def test_regions_of_another_seed_are_not_compared(folders: dict[str, Path]) -> None:
    assert len(compare_audits([folders["lost"], folders["seeded"]])) == 1


def test_maps_of_the_same_data_have_the_same_places(folders: dict[str, Path]) -> None:
    maps = [(folders[name] / "map.svg").read_text(encoding="utf-8") for name in ("whole", "lost")]
    places = [sorted(re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', text)) for text in maps]
    assert len(places[0]) >= 500
    assert places[0] == places[1]
    assert maps[0] != maps[1]


def test_audits_of_other_data_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(UserError, match="an audit of other data than"):
        compare_audits([folders["whole"], folders["other"]])


def test_the_command_writes_page_and_table(folders: dict[str, Path], tmp_path: Path, capsys) -> None:
    both = [str(folders["whole"]), str(folders["lost"])]
    assert main(["compare", *both, "--out", str(tmp_path / "both.html")]) == 0
    assert "regions dropped" in capsys.readouterr().out
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert "The generator drops about" in page
    assert re.findall(r'(?:src|href)="(?!data:image/)', page) == []
    assert page.count('<img src="data:image/svg+xml;base64,') == 2
    assert main(["compare", *both, "--out", str(tmp_path / "both.md")]) == 0
    assert (tmp_path / "both.md").read_text().startswith("### Audits")
    assert main(["compare", both[0], str(tmp_path)]) == 2
    assert f"{tmp_path} is not an audit" in capsys.readouterr().err


DAMAGES = {
    "empty": lambda found: found.clear(),
    "only of this version": lambda found: [found.pop(key) for key in list(found) if key != "schema"],
    "no certificate": lambda found: found.update(certificate=[]),
    "a mass that is a word": lambda found: found["dropped_mass"].update(estimate="much"),
    "a mass that is not a number": lambda found: found["crowded_mass"].update(estimate=float("nan")),
    "an interval of one end": lambda found: found["copied_mass"].update(ci95=[0.1]),
    "regions of numbers": lambda found: found.update(regions=[1, 2]),
    "a ratio that is a word": lambda found: found["regions"][-1].update(ratio="x"),
    "a q-value that is not a number": lambda found: found["regions"][-1].update(q_value=float("nan")),
    "members that are missing": lambda found: found["regions"][-1].pop("members"),
    "a verdict that is a list": lambda found: found.update(verdict=[]),
    "a figure without its value": lambda found: [score.pop("value") for score in found["summary"].values()],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_audit_is_a_sentence_and_no_table(damage, folders: dict[str, Path], tmp_path: Path, capsys) -> None:
    hurt = tmp_path / "hurt"
    shutil.copytree(folders["whole"], hurt)
    found = json.loads((hurt / "audit.json").read_text())
    damage(found)
    (hurt / "audit.json").write_text(json.dumps(found))
    for order in ([hurt, folders["lost"]], [folders["lost"], hurt], [hurt, hurt]):
        assert main(["compare", *map(str, order), "--out", str(tmp_path / "page.html"), "--json"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "audit.json" in said.err
    assert not (tmp_path / "page.html").exists()


def test_a_linked_picture_that_leads_out_is_not_shown(folders: dict[str, Path], tmp_path: Path, capsys) -> None:
    (tmp_path / "secret").write_bytes(b"<svg>a stranger's secret</svg>")
    hurt = tmp_path / "hurt"
    shutil.copytree(folders["whole"], hurt)
    (hurt / "map.svg").unlink()
    (hurt / "map.svg").symlink_to(tmp_path / "secret")
    (hurt / "scarcest.png").symlink_to("scarcest.png")
    page = tmp_path / "page.html"
    assert main(["compare", str(hurt), str(folders["lost"]), "--out", str(page)]) == 0
    assert page.read_text().count("data:image") == 1
    assert base64.b64encode(b"<svg>a stranger's secret</svg>").decode() not in page.read_text()
