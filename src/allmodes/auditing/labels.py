"""Which labels, and which pairs of them, have too few samples.

Samples have no labels. Held-out data and samples are labelled alike, by vote of the nearest examples of the part of
the data that is not counted. Both are then subject to the same mistakes, so equal shares stay equal, and the tests of
:mod:`.shares` keep their level whatever the labeller's accuracy.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from ..core.errors import UserError
from ..search import Exact
from .shares import Share, compare

VOTERS = 5
MANY = 20  # different labels, of which every second example may have one of its own

Table = Mapping[str, Sequence[str]]  # a name for each real example, for every attribute
Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Label(Share):
    """A label, or a pair of labels, with its share among the samples, both by vote.

    Args:
        value: the label of each attribute, one or two.
    """

    value: Mapping[str, str]


def read_table(labels: object, count: int, *, files: Sequence[str] = ()) -> Table:
    """Labels in any form as a table.

    Args:
        labels: ``(n,)`` of anything, a mapping of attributes to such, or a file: a ``.npy`` of ``(n,)``, or a ``.csv``
            with a column for each attribute. Its rows are in the order of the examples, or have a column ``file``.
        count: number of real examples.
        files: of the examples, in order.

    Raises:
        UserError: a file cannot be read, or an attribute does not name every example once, or hardly any two alike.
    """
    if isinstance(labels, str | Path):
        labels = _read(Path(labels))
    columns: Mapping[object, Any] = labels if isinstance(labels, Mapping) else {"label": labels}
    table = {}
    for name, column in columns.items():
        values = column.tolist() if isinstance(column, np.ndarray | Tensor) else list(column)
        table[str(name)] = [str(value) for value in values]
    if "file" in table:
        table = _in_order(table, files)
    for name, values in table.items():
        if len(values) != count:
            heading = " The first line of a .csv is its heading." if len(values) == count - 1 else ""
            raise UserError(f"There are {len(values)} labels for {count} real examples: give one for each.{heading}")
        if len(kinds := set(values)) > max(MANY, count / 2):
            raise UserError(
                f"'{name}' has {len(kinds)} different labels for {count} examples: group them, or leave it out."
            )
    return table


def _read(path: Path) -> object:
    if path.suffix.lower() not in {".npy", ".csv"}:
        raise UserError(f"The labels in {path} are neither a .npy nor a .csv: write them as one of these.")
    try:
        if path.suffix.lower() == ".npy":
            labels = np.load(path, allow_pickle=False)
            if isinstance(labels, np.ndarray) and labels.ndim == 1:
                return labels
            raise ValueError("it must hold one label for every example, in one dimension")
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = csv.reader(file)
        return {name: [row[i] for row in rows] for i, name in enumerate(header)}
    except IndexError as error:
        raise UserError(f"The labels in {path} have rows shorter than their header: fill them in.") from error
    except (OSError, ValueError, EOFError, csv.Error) as error:
        raise UserError(f"The labels in {path} cannot be read ({error}): give a .npy or a .csv.") from error


def _in_order(table: Table, files: Sequence[str]) -> dict[str, list[str]]:
    """The rows that name these files, in their order."""
    row = {name: i for i, name in enumerate(table["file"])}
    missing = [name for name in files if name not in row]
    if missing or not files:
        which = f"{missing[0]} has none" if missing else "the examples are not files"
        raise UserError(f"The labels have a column 'file', but {which}: name each file as it is below the data folder.")
    return {name: [column[row[file]] for file in files] for name, column in table.items() if name != "file"}


def compare_labels(real: Tensor, fake: Tensor, voting: Tensor, *, table: Table, fraction: float) -> tuple[Label, ...]:
    """Test every label and every pair of labels of different attributes.

    Args:
        real: features ``(n, D)``.
        fake: features of samples ``(m, D)``.
        voting: the rows of ``real`` that vote, int64.
        table: the labels of the real examples.
        fraction: of its share that a label must keep not to be called dropped.

    Returns:
        The surest losses first.
    """
    if not table:
        return ()
    counting = torch.ones(len(real), dtype=torch.bool)
    counting[voting] = False
    voted = [_voted(real[voting], side, voting, table) for side in (real[counting], fake)]
    values, counts = [], []
    for attributes in _singles_and_pairs(table):
        names = [sorted(set(table[attribute])) for attribute in attributes]
        sizes = [len(some) for some in names]
        both = [np.ravel_multi_index([votes[a] for a in attributes], sizes) for votes in voted]
        pair = np.stack([np.bincount(codes, minlength=int(np.prod(sizes))) for codes in both])
        for code in np.flatnonzero(pair[0]):
            values.append({a: n[i] for a, n, i in zip(attributes, names, np.unravel_index(code, sizes), strict=True)})
            counts.append(pair[:, code])
    theirs = np.stack(counts, axis=1)
    n_real, n_fake = int(counting.sum()), len(fake)
    shares = compare(theirs[0], theirs[1], n_real=n_real, n_fake=n_fake, fraction=fraction)
    found = [Label(**vars(shares[row]), value=value) for row, value in enumerate(values)]
    return tuple(sorted(found, key=lambda label: (not label.dropped, label.q_value, label.p_value)))


def _singles_and_pairs(table: Table) -> Iterator[tuple[str, ...]]:
    yield from ((name,) for name in table)
    yield from combinations(table, 2)


def _voted(voters: Tensor, points: Tensor, voting: Tensor, table: Table) -> dict[str, Codes]:
    """The code of each point's label, ``(n,)``, for every attribute."""
    index = Exact(voters.shape[1])
    index.add(voters, borrow=True)
    near = voting[index.query(points, min(VOTERS, len(voters))).ids]
    votes = {}
    for name, column in table.items():
        _, codes = np.unique(column, return_inverse=True)
        ballots = one_hot(torch.from_numpy(codes.ravel())[near])
        votes[name] = ballots.sum(1).argmax(1).numpy()
    return votes
