"""The labels of the data: a table with a name for every example, for every attribute.

In a ``.csv``, the first line names the attributes and each further line is an example: in the order of the examples, or
with a column ``file`` that names each as it is below the data folder. Cells are parted by commas, semicolons or tabs.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..core.errors import UserError
from ..core.files import require_plain
from ..data.arrays import parsed
from ..data.folders import some
from .examples import Examples

MANY = 20  # different labels, of which every second example may have one of its own
SEPARATORS = ",;\t"
FILE = "file"
NUMBER = re.compile(r"([0-9]+)")
HEADING = " The first line of a .csv is its heading."

Table = Mapping[str, Sequence[str]]  # a name for each real example, for every attribute


def read_table(labels: object, count: int, *, files: Sequence[str] = (), rows: Sequence[int] | None = None) -> Table:
    """Labels in any form as a table.

    Args:
        labels: ``(n,)`` of words or numbers, a mapping of attributes to such, or a file: a ``.npy`` of ``(n,)``, or a
            ``.csv`` (see above).
        count: number of real examples in all.
        files: of the examples, in order.
        rows: the numbers of the examples that are looked at, whose the files are; None for all.

    Raises:
        UserError: a file cannot be read, or an attribute does not name every example once, or hardly any two alike.
    """
    where, heading = "", ""
    if isinstance(labels, str | Path):
        where, heading = f" in {labels}", HEADING if Path(labels).suffix.lower() == ".csv" else ""
        labels = _read(Path(labels))
    columns: Mapping[object, Any] = labels if isinstance(labels, Mapping) else {"label": labels}
    table = {str(name): _words(str(name), column) for name, column in columns.items()}
    if FILE in table:
        table, count, rows = _in_order(table, files), len(files), None
    if not table:
        raise UserError("The labels name no attribute: give at least one column of labels.")
    for name, values in table.items():
        if len(values) != count:
            raise UserError(
                f"There are {len(values)} labels{where} for {count} real examples: give one for each, in their order."
                f"{heading if len(values) == count - 1 else ''}"
            )
        if len(kinds := set(values)) > max(MANY, count / 2):
            hint = " Call it 'file' if it names the files." if files and kinds <= set(files) else ""
            raise UserError(
                f"'{name}' has {len(kinds)} different labels for {count} examples: group them, or leave it out.{hint}"
            )
    return table if rows is None else {name: [values[row] for row in rows] for name, values in table.items()}


def table_of(labels: object, data: Examples) -> Table:
    """The labels of the examples that are looked at, from those of all that their source holds; none of None.

    Raises:
        UserError: as :func:`read_table`.
    """
    if labels is None:
        return {}
    rows = None if data.draw is None else data.draw.rows.tolist()
    return read_table(labels, data.given_in_all, files=data.files, rows=rows)


def order_notes(labels: object, files: Sequence[str]) -> tuple[str, ...]:
    """What someone must know who numbers pictures 1, 2, ... 10 and gives their labels in that order.

    Args:
        labels: as of :func:`read_table`, which have been read.
        files: of the examples, in order.
    """
    if isinstance(labels, str | Path):
        labels = _read(Path(labels))
    counted = sorted(files, key=_counting)
    if labels is None or (isinstance(labels, Mapping) and FILE in labels) or counted == list(files):
        return ()
    place = next(place for place, (one, other) in enumerate(zip(files, counted, strict=True)) if one != other)
    return (
        f"The labels are taken in the order of the pictures' names as text, where {files[place]} comes before "
        f"{counted[place]}: if yours are counted, give them as a .csv with a column 'file'.",
    )


def _counting(file: str) -> list[str | int]:
    """Sorts names as someone who counts: 2 before 10."""
    return [int(part) if place % 2 else part for place, part in enumerate(NUMBER.split(file))]


def _words(name: str, column: Any) -> list[str]:
    """A label for each example, none of them empty.

    Raises:
        UserError: there are several for one, or none.
    """
    try:
        values = column.tolist() if isinstance(column, np.ndarray | Tensor) else list(column)
    except TypeError:
        values = [[]]
    if not isinstance(values, list) or any(isinstance(value, list | tuple | np.ndarray | Tensor) for value in values):
        raise UserError(f"The labels '{name}' are no list: give one label for every example, in one dimension.")
    words = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value).strip() for value in values]
    unknown = [row for row, word in enumerate(words) if word in {"", "None", "<NA>"} or word.lower() == "nan"]
    if unknown:
        raise UserError(
            f"'{name}' has no label for {len(unknown):,} examples, the first of them in row {unknown[0]}, counted from "
            "0: give each one, if only the word 'unknown'."
        )
    return words


def _read(path: Path) -> object:
    """What a file of labels holds."""
    if path.suffix.lower() not in {".npy", ".csv"}:
        raise UserError(f"The labels in {path} are neither a .npy nor a .csv: write them as one of these.")
    require_plain(path)
    try:
        if path.suffix.lower() == ".csv":
            return _columns(path)
        labels = parsed(path.read_bytes())
        if labels.ndim != 1:
            raise ValueError("it must hold one label for every example, in one dimension")
        return labels
    except (OSError, ValueError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"The labels in {path} cannot be read ({said}): give a .npy or a .csv.") from error


def _columns(path: Path) -> dict[str, list[str]]:
    """The columns of a ``.csv`` by their names.

    Raises:
        ValueError: it is no text, or has no heading.
        UserError: a line is longer or shorter than the heading, or a name comes twice or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8; save it as 'CSV UTF-8'") from error
    separator = max(SEPARATORS, key=next((line for line in text.splitlines() if line.strip()), "").count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row)]
    if not lines:
        raise ValueError("it is empty")
    (_, header), *rows = lines
    for name, times in Counter(header).items():
        if times > 1 or not name:
            what = f"name {times} columns '{name}'" if name else "leave a column without a name"
            raise UserError(f"The labels in {path} {what}: give each column a name of its own in the first line.")
    for number, row in rows:
        if len(row) != len(header):
            comma = " Put a label that holds a comma in quotes." if len(row) > len(header) else ""
            raise UserError(
                f"Line {number} of the labels in {path} has {len(row)} cells and the heading {len(header)}: fill in "
                f"what is missing, and no more.{comma}"
            )
    return {name: [row[i] for _, row in rows] for i, name in enumerate(header)}


def _in_order(table: Table, files: Sequence[str]) -> dict[str, list[str]]:
    """The rows that name these files, in their order."""
    twice = [name for name, times in Counter(table[FILE]).items() if times > 1]
    if twice:
        raise UserError(f"The labels name files more than once ({some(twice)}): keep one line for each.")
    row = {name: i for i, name in enumerate(table[FILE])}
    missing = [name for name in files if name not in row]
    if missing or not files:
        which = f"{missing[0]} has none" if missing else "the examples are not files"
        raise UserError(f"The labels have a column 'file', but {which}: name each file as it is below the data folder.")
    return {name: [column[row[file]] for file in files] for name, column in table.items() if name != FILE}
