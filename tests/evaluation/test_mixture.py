"""What is seen of a mixture prior: on a generator that shows its latents, where all of it is known beforehand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from scipy.spatial import procrustes
from sklearn.decomposition import PCA
from torch import Tensor, nn

from allmodes.core.records import Batch
from allmodes.data.base import Dataset
from allmodes.evaluation import mixture
from allmodes.evaluation.mixture import drawn_from, latent_maps, mixture_seen, sigma_curve
from allmodes.evaluation.planes import planes
from allmodes.model import Model
from allmodes.networks.base import Generator
from allmodes.priors.gaussian_mixture import GaussianMixture

CPU = torch.device("cpu")
SMALL = {"COMPARED": 300, "DRAWN": 40, "BETWEEN": 60, "WITHIN": 30, "POOL": 200, "STEPS": 30}


class Identity(Generator):
    """The latent itself."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def make(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z


def model_of(components: int, *, dim: int = 2) -> Model:
    """Components that hardly meet."""
    return Model(Identity(), GaussianMixture(dim, components=components, spread=5.0, sigma=0.3), config={}, card={})


class Own(Dataset):
    """What a mixture makes; classes 0 and 1 are components 1 and 0."""

    name = "own"
    shape = (2,)
    fingerprint = "own"

    def __init__(self, model) -> None:
        self.model = model

    def __len__(self) -> int:
        return 500

    def batch(self, number: int, size: int, seed: int) -> Batch:
        rng = torch.Generator().manual_seed(1_000 + seed)
        latents = self.model.prior.sample(size, rng)
        return Batch(latents.z, torch.arange(size), 1 - latents.component)


@pytest.fixture(scope="module")
def seen():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "COMPARED": 300,
            "DRAWN": 40,
            "BETWEEN": 60,
            "WITHIN": 30,
            "POOL": 200,
            "STEPS": 30,
        }.items():
            patch.setattr(mixture, name, value)
        model = model_of(2)
        yield mixture_seen(model, Own(model), seed=0, device=CPU)


def test_it_is_plain_data(seen) -> None:
    assert json.loads(json.dumps(seen, allow_nan=False)) == seen
    assert (seen["components"], seen["classes"], seen["weights"]) == (2, None, [0.5, 0.5])


def test_shares_are_those_of_the_labels(seen) -> None:
    model = model_of(2)
    labels = Own(model).batch(0, 600, 0).labels.numpy()  # twice as many as are compared
    assert seen["shares"] == pytest.approx((np.bincount(labels) / 600).tolist(), abs=1e-5)


def test_shares_are_those_of_all_data_where_these_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(mixture, name, value)
    model = model_of(2)
    data = Own(model)
    monkeypatch.setattr(data, "frequencies", lambda: torch.tensor([0.699, 0.301], dtype=torch.float64))
    assert mixture_seen(model, data, seed=0, device=CPU)["shares"] == [0.699, 0.301]


def test_real_points_are_found_in_the_component_that_they_came_from(seen) -> None:
    between = seen["maps"]["between"]
    assert between["owned"] == [1 - label for label in between["labels"]]
    within = seen["maps"]["within"]
    assert set(within["owned"]) == set(within["component"]) == {1 - within["label"]}


def test_too_little_noise_loses_recall_and_too_much_loses_precision(seen) -> None:
    found = seen["sigma"]
    precision, recall = (dict(zip(found["sigmas"], found[name], strict=True)) for name in ("precision", "recall"))
    assert recall[0.25] < 0.5 < 0.8 < recall[1.0]
    assert precision[0.25] > 0.9
    assert precision[1.5] < precision[1.0] < precision[0.25]
    assert found["certificate"]["split"] == "300 training examples"
    assert found["ceiling"] is None  # there is no test split


def test_samples_come_with_the_component_that_they_lie_nearest_to(seen) -> None:
    places, owner = torch.tensor(seen["points"]["xy"]), torch.tensor(seen["points"]["component"])
    assert torch.equal(torch.cdist(places, model_of(2).prior.means).argmin(1), owner)


def test_latents_of_several_components_have_noise_of_their_own() -> None:
    model = model_of(2, dim=5)
    offsets = drawn_from(model, torch.tensor([0, 1, 0, 1]), seed=0) - model.prior.means[[0, 1, 0, 1]]
    assert len({tuple(row) for row in offsets.round(decimals=4).tolist()}) == 4


def test_no_curve_where_examples_are_too_few() -> None:
    model = model_of(2)
    batch = Own(model).batch(0, 3, 0)
    assert sigma_curve(model, Own(model), batch, seed=0, device=CPU) is None


def test_labels_that_are_too_many_to_be_classes_are_none(monkeypatch) -> None:
    for name, value in {"DRAWN": 20, "BETWEEN": 20, "POOL": 50, "STEPS": 2}.items():
        monkeypatch.setattr(mixture, name, value)
    batch = Batch(torch.zeros(30, 2), torch.arange(30), torch.arange(30))
    assert mixture._classes(batch) is None
    thousand = Batch(torch.zeros(10_000, 2), torch.arange(10_000), torch.arange(10_000) % 1_000)  # as Stacked MNIST
    assert mixture._classes(thousand) is None
    assert set(latent_maps(model_of(2), batch, None, seed=0)) == {"between"}


def test_ten_photographs_of_each_person_are_classes() -> None:
    people = torch.arange(320) % 40
    found = mixture._classes(Batch(torch.zeros(320, 2), torch.arange(320), people))
    assert torch.equal(found, people)


def test_both_sets_lie_on_the_axes_of_the_published_pca() -> None:
    rng = torch.Generator().manual_seed(0)
    points = torch.randn(50, 6, generator=rng) * torch.tensor([5.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    found = planes(points[:30], points[30:], seed=0)
    expected = PCA(2).fit(points.numpy())
    places = np.array(found["pca"]["first"] + found["pca"]["second"])
    np.testing.assert_allclose(np.abs(places), np.abs(expected.transform(points.numpy())), atol=5e-3)
    np.testing.assert_allclose(found["explained"], expected.explained_variance_ratio_, atol=1e-4)


def test_neighbours_stay_neighbours_in_t_sne_and_a_plane_needs_none() -> None:
    rng = torch.Generator().manual_seed(0)
    groups = [torch.randn(20, 8, generator=rng) + 30 * number for number in range(2)]
    found = planes(*groups, seed=0)["tsne"]
    first, second = (torch.tensor(found[side]) for side in ("first", "second"))
    assert torch.pdist(first).max() < torch.cdist(first, second).min()
    flat = planes(groups[0][:, :2], groups[1][:, :2], seed=0)
    assert "tsne" not in flat
    both = np.concatenate([group[:, :2].numpy() for group in groups])
    places = np.array(flat["pca"]["first"] + flat["pca"]["second"])
    assert procrustes(both, places)[2] < 1e-5  # a plane is only turned
