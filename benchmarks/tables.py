"""Make the tables of the documentation from what suites and benchmarks wrote: ``docs/results`` and ``docs/bench``.

``python benchmarks/tables.py`` rewrites what stands between such lines of any page in docs/, and nothing else:

    <!-- results: toys-quick.json -->
    <!-- end of results -->

``headline:`` in place of ``results:`` makes the sentences that say who is first, without the tables. ``bench:`` makes
the first table of what a benchmark wrote, ``bench: audit-mnist.json#2`` the second, ``bench: audit-*.json`` one
of the rows of all these files.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from allmodes.bench.table import Table
from allmodes.core.errors import UserError
from allmodes.core.files import read_object, read_text, write_text
from allmodes.reports.suite_results import headline, read_results, suite_markdown

DOCS = Path(__file__).parents[1] / "docs"


def bench_markdown(path: Path) -> str:
    """One table of a benchmark: of ``NAME.json#2`` the second, and of a pattern the rows of every file.

    Raises:
        UserError: there is no such file or table.
    """
    pattern, _, number = path.name.partition("#")
    files = sorted(path.parent.glob(pattern))
    if not files:
        raise UserError(f"There is no {path.with_name(pattern)}: write it with 'allmodes bench ... --out'.")
    place = int(number or 1)
    tables = [Table(**kept[place - 1]) for file in files if len(kept := read_object(file)["tables"]) >= place]
    if not tables:
        raise UserError(f"{path.with_name(pattern)} has no table {place}.")
    rows = [row for table in tables for row in table.rows]
    return Table(tables[0].title, tables[0].about, rows).to_markdown()


WORDS: dict[str, Callable[[Path], str]] = {
    "results": lambda path: suite_markdown(read_results(path)),
    "headline": lambda path: headline(read_results(path)),
    "bench": bench_markdown,
}
BEGIN = re.compile(r"<!-- (results|headline|bench): (\S+) -->\n")
END = "<!-- end of results -->"


def filled(page: Path, results: Path) -> str:
    """A page with its tables as the results have them.

    Raises:
        UserError: a table has no end, or there is no such file of results.
    """
    text, made, place = read_text(page), [], 0
    while found := BEGIN.search(text, place):
        end = text.find(END, found.end())
        if end < 0 or BEGIN.search(text, found.end(), end):
            raise UserError(f"{page}: the results of {found[2]} have no end: write {END} below them.")
        folder = results.with_name("bench") if found[1] == "bench" else results
        words = WORDS[found[1]](folder / found[2]).strip()
        made += [text[place : found.end()], words, "\n"]
        place = end
    return "".join([*made, text[place:]])


def main() -> int:
    """Fill in every page."""
    try:
        for page in sorted(DOCS.glob("*.md")):
            if (text := filled(page, DOCS / "results")) != read_text(page):
                write_text(page, text)
                print(f"{page.relative_to(DOCS.parent)}: made anew")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
