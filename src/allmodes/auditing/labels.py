"""Which labels, and which pairs of them, have too few samples.

Samples have no labels. Held-out data and samples are labelled alike, by vote of the nearest examples of the part of
the data that is not counted. Both are then subject to the same mistakes, so equal shares stay equal, and the tests of
:mod:`.shares` keep their level whatever the labeller's accuracy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from ..search import Exact
from .shares import Share, compare
from .tables import Table

VOTERS = 5

Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Label(Share):
    """A label, or a pair of labels, with its share among the samples, both by vote.

    Args:
        value: the label of each attribute, one or two.
    """

    value: Mapping[str, str]


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
