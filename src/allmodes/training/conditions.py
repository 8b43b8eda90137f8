"""Whether the data has what a prior and a generator need of it, seen before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import UserError
from ..data.base import Dataset
from ..networks.base import Generator
from ..priors.base import Prior
from ..priors.fitted_mixture import FittedMixture

NAMED = 5  # classes that a sentence lists


def require_inputs(generator: Generator | type[Generator], dataset: Dataset) -> None:
    """Refuse data without inputs for a generator that answers inputs; its kind says so before it is built by them.

    Raises:
        UserError: they have none.
    """
    if generator.conditioned == "inputs" and dataset.batch(0, 1, 0).inputs is None:
        raise UserError(
            f"The generator '{generator.name}' is conditioned on inputs, and the data '{dataset.name}' have none: make "
            "them of the images, as with --degradation grey, give pairs with --data pairs --data.inputs A/ "
            "--data.targets B/, or choose another generator."
        )


def require_conditions(prior: Prior, generator: Generator, dataset: Dataset) -> None:
    """Refuse data on which a step would find no label, or no input, or one that nothing belongs to.

    Raises:
        UserError: there are none, or classes of the data are not those of the prior or of the generator.
    """
    require_inputs(generator, dataset)
    if generator.conditioned != "inputs" and dataset.input_shape is not None:
        raise UserError(
            f"The data come with inputs, and the generator '{generator.name}' takes none: take --generator cascade."
        )
    if isinstance(prior, FittedMixture) and dataset.fixed and len(dataset) < prior.components:
        raise UserError(
            f"'prior.components' is {prior.components}, too many to be fitted to {len(dataset)} examples: set it lower."
        )
    if prior.classes is not None:
        _require_classes(
            dataset, prior.classes, f"The prior '{prior.name}' is tied to classes", "prior.classes", "null"
        )
    if generator.conditioned == "labels":
        known, what = generator.classes or 0, f"The generator '{generator.name}' is conditioned on labels"
        _require_classes(dataset, known, what, "generator.classes", "0")


def _require_classes(dataset: Dataset, known: int, what: str, option: str, without: str) -> None:
    found = dataset.frequencies()
    if found is None:
        raise UserError(
            f"{what}, and the data '{dataset.name}' have no labels: set '{option}' to {without}, or choose data that "
            "have them."
        )
    if known < len(found):
        raise UserError(f"'{option}' is {known}, but the labels of the data go up to {len(found) - 1}: set it higher.")
    missing = [label for label in range(known) if label >= len(found) or float(found[label]) == 0]
    if missing:
        raise UserError(
            f"'{option}' is {known}, but {_classes(missing)} no example: set it to the number of classes of the data, "
            "whose labels must be 0, 1, 2, ... without a gap."
        )


def _classes(missing: Sequence[int]) -> str:
    """As the subject of a sentence."""
    named = ", ".join(map(str, missing[:NAMED])) + (", ..." if len(missing) > NAMED else "")
    return f"class {named} has" if len(missing) == 1 else f"classes {named} have"
