"""Metrics that others report, each by its published definition: in all dimensions of the feature space."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError, did_you_mean
from ..core.records import Score
from ..metrics import (
    authenticity,
    clipped_density_coverage,
    frechet_distance,
    kernel_distance,
    memorisation,
    ndb,
    prd_curve,
    prdc,
    support_size,
    vendi,
)

STANDARD = ("frechet_distance", "precision", "recall", "density", "coverage")
INCEPTION = {"fid": "frechet_distance", "kid": "kernel_distance"}  # what these are called in its features
K, SUPPORT = 5, 3  # neighbours that density and coverage, and precision and recall, were published with


@dataclass(frozen=True)
class Pair:
    """What metrics compare.

    Args:
        real: features ``(n, D)``, as the network gives them.
        fake: the same of the samples ``(m, D)``.
        half: rows of the data that stand for training data where some must be held out, int64.
        seed: of what is random.
    """

    real: Tensor
    fake: Tensor
    half: Tensor
    seed: int

    @property
    def train(self) -> Tensor:
        """One half of the data."""
        return self.real[self.half]

    @property
    def heldout(self) -> Tensor:
        """The other half."""
        others = torch.ones(len(self.real), dtype=torch.bool)
        others[self.half] = False
        return self.real[others]


Measure = Callable[[Pair], Iterable[Score]]
MEASURES: Mapping[tuple[str, ...], Measure] = {
    ("frechet_distance",): lambda pair: [frechet_distance(pair.real, pair.fake)],
    ("precision", "recall", "density", "coverage"): lambda pair: prdc(
        pair.real, pair.fake, k=K, support=SUPPORT
    ).values(),
    ("clipped_density", "clipped_coverage"): lambda pair: clipped_density_coverage(pair.real, pair.fake, k=K),
    ("kernel_distance",): lambda pair: [kernel_distance(pair.real, pair.fake)],
    ("f8", "f1/8"): lambda pair: prd_curve(pair.real, pair.fake, seed=pair.seed),
    ("ndb",): lambda pair: [ndb(pair.real, pair.fake, seed=pair.seed)],
    ("vendi",): lambda pair: [vendi(pair.real, pair.fake, seed=pair.seed)],
    ("support_size",): lambda pair: [support_size(pair.real, pair.fake)],
    ("memorisation",): lambda pair: [memorisation(pair.train, pair.heldout, pair.fake, seed=pair.seed)],
    ("authenticity",): lambda pair: [authenticity(pair.train, pair.fake, pair.heldout)],
}
NAMES = tuple(name for names in MEASURES for name in names)


def measure(pair: Pair, names: Sequence[str], *, space: str, certificate: Mapping[str, Any]) -> dict[str, Score]:
    """Measure what is asked for.

    Args:
        pair: the features.
        names: of metrics; in the features of Inception the Frechet and the kernel distance are called FID and KID.
        space: the feature space's name.
        certificate: what every score depends on.

    Returns:
        The scores by name, in the order asked for.

    Raises:
        UserError: there is no such metric, or it cannot be measured in these features.
    """
    called = {plain: name for name, plain in INCEPTION.items()} if space == "inception" else {}
    wanted = [_plain(name, space) for name in names]
    found: dict[str, Score] = {}
    for group, each in MEASURES.items():
        if set(wanted).isdisjoint(group):
            continue
        try:
            found |= {score.name: score.certified(certificate) for score in each(pair)}
        except ValueError as error:
            raise UserError(f"{group[0]} cannot be measured in {space}: {error}.") from error
    return {name: replace(found[plain], name=name) for plain in wanted for name in [called.get(plain, plain)]}


def _plain(name: str, space: str) -> str:
    """The metric that a name means."""
    if name in INCEPTION and space != "inception":
        raise UserError(
            f"'{name}' is the {INCEPTION[name].replace('_', ' ')} in the features of the standard Inception network: "
            f"add --distance inception, or take {INCEPTION[name]}."
        )
    if name not in NAMES and name not in INCEPTION:
        raise UserError(f"There is no metric '{name}'.{did_you_mean(name, (*NAMES, *INCEPTION))}")
    return INCEPTION.get(name, name)
