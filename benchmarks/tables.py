"""Make the tables of the documentation from what suites wrote: ``docs/results/*.json``.

``python benchmarks/tables.py`` rewrites what stands between such lines of any page in docs/, and nothing else:

    <!-- results: toys-quick.json -->
    <!-- end of results -->

``headline:`` in place of ``results:`` makes the sentences that say who is first, without the tables.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from allmodes.core.errors import UserError
from allmodes.core.files import read_text, write_text
from allmodes.reports.suite_results import SuiteResults, headline, read_results, suite_markdown

DOCS = Path(__file__).parents[1] / "docs"
WORDS: dict[str, Callable[[SuiteResults], str]] = {"results": suite_markdown, "headline": headline}
BEGIN = re.compile(r"<!-- (results|headline): (\S+) -->\n")
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
        words = WORDS[found[1]](read_results(results / found[2])).strip()
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
