r"""How rare the colours of an example are, so that rare ones count as much as common ones (Li, Zhang & Malik 2019).

.. math:: w_i = \frac{n}{K} \sum_k \frac{1 / p_k(c_{ik})}{\sum_j 1 / p_k(c_{jk})}

with :math:`c_{ik}` the average colour of label k in example i, :math:`p_k` the Gaussian kernel density of these over
all examples that show it (Scott's bandwidth), and K the number of labels. The authors draw examples that often, in
equal parts of a batch for each of the five labels that cover most of the data; here all labels that enough examples
show count alike, each example comes as often, and its loss has that weight, which is the same in expectation. Weights
average 1. Where inputs are no label maps the whole picture is one label. An example all of whose labels are shown by
too few weighs 1. Left out is the authors' second weight, of the pixels within a picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...core.errors import UserError
from ...core.moment import Moment
from ...core.records import Batch
from ...matching.coming import first_seen

FEWEST = 10  # examples that show a label: from fewer no density is read
NONE = 1e-9  # share of the largest variance below which colours do not vary that way
CHUNK = 2**24  # kernel values at a time


class Rarity:
    """The weights of examples, read from all of them once.

    Attributes:
        weights: float32 ``(n,)``, by the numbers of examples; empty until :meth:`measure`.
    """

    def __init__(self) -> None:
        self.weights = torch.empty(0)

    def measure(self, moment: Moment) -> None:
        """Read the colours of all examples.

        Raises:
            UserError: the data is composed afresh for every batch, or no label is shown by enough examples.
        """
        if moment.examples is None:
            raise UserError(
                "'objective.rarity' weighs every example by all others, and this data is composed afresh for every "
                "batch: choose a fixed set, such as a folder of images."
            )
        colours, shown = average_colours(moment)
        known = [label for label in sorted(shown) if len(shown[label]) >= FEWEST]
        if not known:
            raise UserError(f"'objective.rarity' needs at least {FEWEST} examples that show the same label.")
        weights = torch.zeros(moment.examples, dtype=torch.float64)
        for label in known:
            numbers, order = torch.tensor(shown[label]).sort()  # whatever the order in which they came
            rare = 1 / density(torch.stack(colours[label])[order])
            weights[numbers] += rare / rare.sum() / len(known)
        weighed = weights > 0  # the others show no label of which a density is known
        self.weights = torch.where(weighed, weights * int(weighed.sum()), 1.0).float()

    def of(self, batch: Batch) -> Tensor:
        """The weights of examples, ``(B,)``."""
        return self.weights.to(batch.images.device)[batch.index]


def average_colours(moment: Moment) -> tuple[dict[int, list[Tensor]], dict[int, list[int]]]:
    """By label: its average colour in every example that shows it, ``(C,)`` each, and the numbers of these examples."""
    colours: dict[int, list[Tensor]] = {}
    shown: dict[int, list[int]] = {}
    seen: set[int] = set()
    ahead = 0
    while len(seen) < (moment.examples or 0):
        batch = moment.upcoming(ahead)
        if new := first_seen(batch.index.tolist(), seen):
            first = batch[torch.tensor(new)]
            for number, image, labels in zip(first.index.tolist(), *pictures(first), strict=True):
                for label in labels.unique().tolist():
                    colours.setdefault(label, []).append(image[:, labels == label].mean(1))
                    shown.setdefault(label, []).append(number)
        ahead += 1
    return colours, shown


def pictures(batch: Batch) -> tuple[Tensor, Tensor]:
    """Images in float64, ``(B, C, h w)``, and the label at every place of them, int64 ``(B, h w)``."""
    images = batch.images.double().cpu().flatten(2)
    if batch.inputs is None or batch.inputs.ndim != 3:
        return images, torch.zeros(len(images), images.shape[2], dtype=torch.int64)
    return images, batch.inputs.cpu().flatten(1)


def density(points: Tensor) -> Tensor:
    """The Gaussian kernel density of points at each of them, up to a factor, float64 ``(n, d) -> (n,)``.

    The kernel has the covariance of the points times ``n ** (-2 / (d + 4))`` (Scott 1992), d the number of ways in
    which they vary; where they do not vary at all the density is 1.
    """
    centred = points.double() - points.double().mean(0)
    variances, ways = torch.linalg.eigh(centred.T @ centred / (len(points) - 1))
    there = variances > NONE * variances.max().clamp(min=NONE)
    if not bool(there.any()):
        return torch.ones(len(points), dtype=torch.float64)
    bandwidth = len(points) ** (-1 / (int(there.sum()) + 4))
    scaled = centred @ ways[:, there] / variances[there].sqrt() / bandwidth
    parts = torch.split(scaled, max(1, CHUNK // len(points)))
    return torch.cat([torch.cdist(part, scaled).square().mul(-0.5).exp().mean(1) for part in parts])
