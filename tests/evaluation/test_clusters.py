"""Components of test images, by inversion and by the encoder, held against classes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from allmodes.core.records import Batch
from allmodes.data.base import Dataset, Labelled
from allmodes.evaluation.clusters import clustering_scores
from allmodes.model import Model
from allmodes.networks.base import Encoder, Generator
from allmodes.priors.gaussian import Gaussian
from allmodes.priors.gaussian_mixture import GaussianMixture

SHAPE = (1, 2, 3)
PRIOR = GaussianMixture(6, components=3, spread=3.0, sigma=0.1)


class Laid(Generator):
    """The latent, laid out as an image."""

    name = "laid"

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.2))

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return (self.scale * z).unflatten(1, SHAPE)


class Nearest(Encoder):
    """Knows the means, but takes the last for the first: of 80 images it says 0, of which 40 are of class 1."""

    name = "nearest"

    def __init__(self) -> None:
        super().__init__(6, 3, 1)

    def features(self, images: Tensor) -> Tensor:
        return images.flatten(1)

    def readings(self, images: Tensor) -> Tensor:
        logits = -torch.cdist(images.flatten(1) / 0.2, PRIOR.means)
        logits[:, 0] = torch.maximum(logits[:, 0], logits[:, 2] + 1)
        return logits[None]


class Shown(Dataset):
    """Samples of the components; the class is the component, moved on by one, but for every tenth image."""

    name = "shown"
    shape = SHAPE
    fingerprint = "shown"

    def __init__(self, test_shape: tuple[int, ...] = SHAPE) -> None:
        component = torch.arange(120) % 3
        noise = 0.1 * torch.randn(120, 6, generator=torch.Generator().manual_seed(3))
        images = 0.2 * (PRIOR.means[component] + noise).view(120, *test_shape)
        labels = (component + 1) % 3
        labels[::10] = (labels[::10] + 1) % 3
        self.known = Labelled(images[:0], labels[:0], images, labels, classes=3, fingerprint="shown")

    def __len__(self) -> int:
        return 1

    def batch(self, number: int, size: int, seed: int) -> Batch:
        raise NotImplementedError

    def labelled(self) -> Labelled | None:
        return self.known


def model(encoder: Encoder | None = None, **prior: int) -> Model:
    law = GaussianMixture(6, components=3, spread=3.0, sigma=0.1, **prior)
    return Model(Laid(), law, config={}, card={}, encoder=encoder)


def test_inversion_finds_the_component_that_made_an_image() -> None:
    found = {score.name: score for score in clustering_scores(model(), Shown())}
    assert set(found) == {f"{name}_by_inversion" for name in ("nmi", "ari", "hungarian_accuracy", "purity")}
    assert found["hungarian_accuracy_by_inversion"].value == pytest.approx(0.9)
    assert found["hungarian_accuracy_by_inversion"].detail["class_of"] == [[0, 1], [1, 2], [2, 0]]
    assert found["purity_by_inversion"].n_real == 120
    assert "inversion" in found["nmi_by_inversion"].certificate["components"]


def test_an_encoder_is_judged_on_test_images_and_on_samples() -> None:
    found = {score.name: score for score in clustering_scores(model(Nearest()), Shown())}
    assert len(found) == 9
    assert found["hungarian_accuracy_by_inversion"].value == pytest.approx(0.9)
    assert found["hungarian_accuracy_by_encoder"].value == pytest.approx((40 + 36) / 120)
    assert found["purity_by_encoder"].value == pytest.approx((40 + 36) / 120)
    assert found["read_components"].value == pytest.approx(2 / 3)
    assert found["read_components"].detail["by_component"] == pytest.approx([1, 1, 0])


def test_where_there_are_no_free_components_or_no_classes_nothing_is_judged() -> None:
    tied = model(classes=3)
    unlabelled, other = Shown(), Shown((1, 1, 6))
    unlabelled.known = None  # type: ignore[assignment]
    single = Model(Laid(), Gaussian(6), config={}, card={})
    for made, data in ((tied, Shown()), (single, Shown()), (model(), unlabelled), (model(), other)):
        assert clustering_scores(made, data) == ()
