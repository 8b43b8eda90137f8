"""Which component of a mixture prior an image is of, held against classes that nothing was chosen by.

By inversion: the latent whose sample is nearest to the image is looked for, and the component is the one that this
latent is most likely of. By the encoder, where one was trained with the generator. No label has a part in either.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from scipy.stats import binomtest
from torch import Tensor

from ..core.records import Score
from ..data.base import Dataset, Labelled
from ..metrics import adjusted_rand, hungarian_accuracy, normalised_mutual_information, purity
from ..model import Model
from ..priors.mixture import Mixture

INVERTED = 1_000  # test images: each costs a hundred passes through the generator, forwards and backwards
POOL, STEPS = 10_000, 100  # samples to start from, and steps of the descent
READ = 1_000  # samples from which the encoder reads the component
FIGURES = (normalised_mutual_information, adjusted_rand, hungarian_accuracy, purity)


def clustering_scores(model: Model, dataset: Dataset, *, seed: int = 0) -> tuple[Score, ...]:
    """NMI, adjusted Rand, Hungarian accuracy and purity of the components of test images.

    Args:
        model: with a mixture prior whose components are free of classes; others have no clusters to judge.
        dataset: with a labelled test split of images as the model makes them.
        seed: of the samples that an inversion starts from.

    Returns:
        ``nmi_by_inversion`` and so on; with an encoder ``nmi_by_encoder`` and so on, too, and ``read_components``, the
        share of samples whose component it reads rightly. Nothing where there is nothing to judge.
    """
    known = dataset.labelled()
    if not _free(model) or known is None:
        return ()
    if known.test_images.shape[1:] != dataset.shape:  # the classes of Stacked MNIST are those of its channels
        return ()
    found = _agreement("inversion", by_inversion(model, known.test_images[:INVERTED], seed), known)
    if model.encoder is None:
        return found
    return (*found, *_agreement("encoder", model.read_components(known.test_images), known), samples_read(model, seed))


def _free(model: Model) -> bool:
    """Whether there are components, and nobody told the model which class an image is of."""
    return isinstance(model.prior, Mixture) and model.prior.classes is None and model.generator.conditioned is None


def passes(model: Model, dataset: Dataset) -> int:
    """About how many samples the generator makes for it; a step of the descent counts three."""
    if not _free(model):
        return 0
    test = len(dataset.test_images) if dataset.labelled() is not None else 0
    return POOL + 3 * STEPS * min(INVERTED, test) if test else 0


def by_inversion(model: Model, images: Tensor, seed: int) -> Tensor:
    """The component that is likeliest of the latent that is found for each image, int64 ``(n,)``."""
    assert isinstance(model.prior, Mixture)
    latents = model.invert(images, pool=POOL, steps=STEPS, seed=seed).latents
    with torch.no_grad():
        return model.prior.log_densities(latents.to(model.device)).argmax(1).cpu()


def samples_read(model: Model, seed: int) -> Score:
    """The share of samples, as many of each component, whose component the encoder reads rightly."""
    count = model.prior.components or 1
    each = -(-READ // count)
    right = [int((model.read_components(model.sample(each, seed, component=k)) == k).sum()) for k in range(count)]
    interval = binomtest(sum(right), each * count).proportion_ci()
    detail = {"by_component": [one / each for one in right]}
    value = sum(right) / (each * count)
    return Score("read_components", value, (interval.low, interval.high), None, each * count, {"seed": seed}, detail)


def _agreement(way: str, components: Tensor, known: Labelled) -> tuple[Score, ...]:
    """Every figure of the components of the first test images, by this way."""
    count = len(components)
    certificate = {
        "components": f"by {way}, without labels",
        "split": f"the first {count:,} of {len(known.test_labels):,} test images",
        "data": known.fingerprint,
    }
    scores = [figure(components, known.test_labels[:count]) for figure in FIGURES]
    return tuple(replace(score, name=f"{score.name}_by_{way}").certified(certificate) for score in scores)
