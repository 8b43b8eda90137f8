"""Tables in docs/ are what the committed results say, and the command that makes them changes nothing else."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from allmodes.core.errors import UserError
from allmodes.reports.suite_results import read_results

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN = {"seed": 0, "state": "finished", "reason": "", "folder": "a", "command": "allmodes train a", "where": {}}
ORIGIN = {"machine": "a machine", "torch": "2", "python": "3", "commit": None, "shared": "Trained alone."}
DOCUMENT = {
    "schema": 1,
    **dict.fromkeys(("suite", "title", "about", "budget", "command"), "mine"),
    "measures": ["modes"],
    "seeds": [0],
    "origin": ORIGIN,
    "members": [
        {"name": n, "title": n, "group": "ring", "recipe": n, "runs": [{**RUN, "figures": {"modes": modes}}]}
        for n, modes in (("a", 6.0), ("b", 1234.0))
    ],
}


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_page_says_what_the_results_say(page: Path, tables: ModuleType) -> None:
    assert tables.filled(page, DOCS / "results") == page.read_text(encoding="utf-8"), "python benchmarks/tables.py"


def test_all_results_are_shown_and_each_was_committed_clean() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    for path in (DOCS / "results").glob("*.json"):
        results = read_results(path)
        assert f"<!-- results: {path.name} -->" in pages
        assert path.name.startswith(results.name)
        assert results.origin["commit"]


def test_all_benchmarks_are_shown() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    patterns = [name.partition("#")[0] for name in re.findall(r"<!-- bench: (\S+) -->", pages)]
    for path in (DOCS / "bench").glob("*.json"):
        assert any(path.match(pattern) for pattern in patterns), path.name


def test_benchmarks_of_several_files_make_one_table(tables: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    for name, second in (("audit-b", [{"data": "b", "recall": 0.5}]), ("audit-a", [{"data": "a", "recall": 0.25}])):
        first = {"title": "Losses", "about": "As they are.", "rows": [{"data": name[-1], "found": 0.125}]}
        both = [first, {"title": "Others", "about": "Theirs.", "rows": second}]
        (folder / f"{name}.json").write_text(json.dumps({"tables": both}))
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- bench: audit-*.json -->\n<!-- end of results -->\n<!-- bench: audit-*.json#2 -->\n<!-- end of results -->"
    )
    assert tables.filled(page, tmp_path / "results") == (
        "<!-- bench: audit-*.json -->\n### Losses\n\nAs they are.\n\n"
        "| data | found |\n|---|---|\n| a | 0.125 |\n| b | 0.125 |\n"
        "<!-- end of results -->\n<!-- bench: audit-*.json#2 -->\n### Others\n\nTheirs.\n\n"
        "| data | recall |\n|---|---|\n| a | 0.25 |\n| b | 0.5 |\n<!-- end of results -->"
    )


def test_only_what_lies_between_the_lines_changes(tables: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(DOCUMENT))
    page = tmp_path / "page.md"
    page.write_text(
        "# Before\n\n<!-- headline: a.json -->\nold\n<!-- end of results -->\n\nbetween\n\n"
        "<!-- results: a.json -->\n| old | 9 |\n<!-- end of results -->\n\nafter\n"
    )
    text = tables.filled(page, tmp_path)
    assert "old" not in text
    assert text.startswith(
        "# Before\n\n<!-- headline: a.json -->\nring: b is first by modes with 1,234, before a with 6;"
    )
    assert "<!-- end of results -->\n\nbetween\n\n<!-- results: a.json -->\n`mine` (seeds 0)." in text
    assert "| b | 1,234 | 0 |" in text
    assert text.endswith("|\n<!-- end of results -->\n\nafter\n")
    page.write_text(text)
    assert tables.filled(page, tmp_path) == text


def short() -> list[tuple[str, str]]:
    """The rows of RESULTS.md that say in short what was found: anchor, words."""
    text = (DOCS / "RESULTS.md").read_text(encoding="utf-8").partition("## How it was measured")[0]
    return re.findall(r"^\| \[[^\]]*\]\(#([^)]*)\) \| (.*) \|$", text, re.M)


def section(anchor: str) -> str:
    """A part of RESULTS.md with the parts of it, down to the next heading of its kind."""
    lines = (DOCS / "RESULTS.md").read_text(encoding="utf-8").partition("## How it was measured")[2]
    for heading in re.finditer(r"^(##+) (.*)$", lines, re.M):
        if re.sub(r"[^\w -]", "", heading[2].lower()).replace(" ", "-") == anchor:
            return re.split(rf"^#{{2,{len(heading[1])}}} ", lines[heading.end() :], maxsplit=1, flags=re.M)[0]
    raise LookupError(anchor)


def test_the_summary_has_a_row_for_each_subject() -> None:
    assert len(short()) >= 10


@pytest.mark.parametrize(("anchor", "words"), short(), ids=[words[:30] for _, words in short()])
def test_every_figure_in_short_stands_in_its_section(anchor: str, words: str) -> None:
    body = section(anchor)
    for figure in re.findall(r"\d[\d,.]*\d|\d", words):
        assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d]|[.,]\d)", body), figure


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!-- results: none.json -->\n<!-- end of results -->\n", "none.json"),
        ("<!-- bench: none-*.json -->\n<!-- end of results -->\n", "none-"),
        ("<!-- bench: one.json#2 -->\n<!-- end of results -->\n", "has no table 2"),
        ("<!-- results: a.json -->\n| 1 |\n", "have no end"),
        ("<!-- results: a.json -->\n<!-- results: a.json -->\n<!-- end of results -->\n", "have no end"),
    ],
)
def test_what_cannot_be_filled_is_said(text: str, said: str, tables: ModuleType, tmp_path: Path) -> None:
    for folder in ("results", "bench"):
        (tmp_path / folder).mkdir()
    (tmp_path / "results" / "a.json").write_text(json.dumps(DOCUMENT))
    (tmp_path / "bench" / "one.json").write_text(json.dumps({"tables": [{"title": "T", "about": "A.", "rows": []}]}))
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(UserError, match=said):
        tables.filled(tmp_path / "page.md", tmp_path / "results")
