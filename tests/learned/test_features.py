from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from allmodes.core.errors import UserError
from allmodes.core.records import Batch
from allmodes.data.base import Dataset, Labelled
from allmodes.data.planar import Ring
from allmodes.learned import features
from allmodes.learned.features import contrastive, deformed, shifted, trained_network


class Bars(Dataset):
    """Tiny images of a bright row (class 0) or a bright column (class 1), in noise."""

    name = "bars"

    def __init__(self, *, labels: bool = True, count: int = 96) -> None:
        rng = torch.Generator().manual_seed(0)
        self._labels = torch.arange(count) % 2
        images = torch.full((count, 1, 8, 8), -1.0) + 0.2 * torch.rand(count, 1, 8, 8, generator=rng)
        place = torch.randint(2, 6, (count,), generator=rng)
        for image, label, k in zip(images, self._labels.tolist(), place.tolist(), strict=True):
            image[0, k, :] = 1.0 if label == 0 else image[0, k, :]
            image[0, :, k] = 1.0 if label == 1 else image[0, :, k]
        self._images, self._with_labels = images, labels
        self.shape, self.fingerprint = (1, 8, 8), f"bars-{labels}-{count}"

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        index = torch.arange(number * size, (number + 1) * size) % len(self)
        return Batch(self._images[index], index)

    def labelled(self) -> Labelled | None:
        if not self._with_labels:
            return None
        half = len(self) // 2
        parts = (self._images[:half], self._labels[:half], self._images[half:], self._labels[half:])
        return Labelled(*parts, classes=2, fingerprint=self.fingerprint)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "LEAST_STEPS", 40)
    return tmp_path / "features"


def weights(network: torch.nn.Module) -> Tensor:
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


def test_a_classifier_learns_and_reports_what_it_confuses() -> None:
    found = trained_network("classifier", Bars())
    confusion = torch.tensor(found.report["confusion"])
    assert found.report["accuracy"] >= 0.9
    assert confusion.sum() == found.report["test_images"] == 48
    assert confusion.diag().sum() / 48 == pytest.approx(found.report["accuracy"])
    assert not found.network.training
    assert not any(parameter.requires_grad for parameter in found.network.parameters())


def test_an_embedding_is_learned_without_labels() -> None:
    found = trained_network("embedding", Bars())
    assert found.report["nearest_neighbour_accuracy"] >= 0.9
    unlabelled = trained_network("embedding", Bars(labels=False))
    assert "nearest_neighbour_accuracy" not in unlabelled.report
    codes = unlabelled.network.features(Bars().batch(0, 10, 0).images)
    assert codes.norm(dim=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["classifier", "embedding"])
def test_training_is_deterministic_and_happens_once(name: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained_network(name, Bars())
    monkeypatch.setattr(features, "_train", lambda *_: pytest.fail("trained although it is in the cache"))
    second = trained_network(name, Bars())
    assert torch.equal(weights(first.network), weights(second.network))
    assert first.report == second.report
    monkeypatch.undo()
    monkeypatch.setenv("ALLMODES_CACHE", str(cache.parent / "elsewhere"))
    monkeypatch.setattr(features, "LEAST_STEPS", 40)
    assert torch.equal(weights(first.network), weights(trained_network(name, Bars()).network))


@pytest.mark.parametrize(("suffix", "content"), [(".safetensors", b"\0" * 20), (".json", b"[]"), (".json", b"{")])
def test_a_damaged_cache_is_trained_again_to_the_same_weights(suffix: str, content: bytes, cache: Path) -> None:
    first = trained_network("classifier", Bars())
    damaged = (cache / first.report["fingerprint"]).with_suffix(suffix)
    damaged.write_bytes(content)
    second = trained_network("classifier", Bars())
    assert torch.equal(weights(first.network), weights(second.network))
    assert damaged.read_bytes() != content


def test_another_seed_and_other_data_give_other_networks() -> None:
    first, second = (trained_network("classifier", Bars(), seed=seed) for seed in (0, 1))
    third = trained_network("classifier", Bars(count=80))
    assert not torch.equal(weights(first.network), weights(second.network))
    assert len({found.report["fingerprint"] for found in (first, second, third)}) == 3


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained_network("embedding", Bars())
    assert torch.equal(torch.rand(3), expected)


def test_fewer_examples_than_a_batch_are_still_learned_from() -> None:
    dataset = Bars(labels=False, count=12)
    untrained = features._initial("embedding", features._unlabelled(dataset), 0)
    assert not torch.equal(weights(untrained), weights(trained_network("embedding", dataset).network))


@pytest.mark.parametrize(
    ("name", "dataset", "message"),
    [
        ("classifier", Bars(labels=False), "needs labelled data"),
        ("embedding", Ring(), "Planar points"),
        ("classifer", Bars(), "Did you mean 'classifier'"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(name: str, dataset: Dataset, message: str) -> None:
    with pytest.raises(UserError, match=message):
        trained_network(name, dataset)


@pytest.mark.parametrize(("side", "reach"), [(8, 1), (28, 2)])
def test_shifts_move_whole_images_by_at_most_their_reach(side: int, reach: int) -> None:
    image = torch.full((200, 2, side, side), -1.0)
    image[:, :, side // 2, side // 2] = 1.0
    moved = shifted(image, torch.Generator().manual_seed(0))
    where = torch.nonzero(moved[:, 0] > 0)[:, 1:] - side // 2
    assert torch.equal(moved[:, 0], moved[:, 1])
    assert set(where.flatten().tolist()) == set(range(-reach, reach + 1))
    assert torch.equal(moved.sum((1, 2, 3)), image.sum((1, 2, 3)))


def test_deformed_images_keep_their_background_and_their_range() -> None:
    rng = torch.Generator().manual_seed(0)
    background = torch.full((4, 1, 12, 12), -1.0)
    assert deformed(background, rng) == pytest.approx(-1)
    found = deformed(Bars().batch(0, 20, 0).images, rng)
    assert found.min() >= -1
    assert found.max() <= 1 + 1e-6


def test_the_contrastive_loss_is_equation_1_of_its_paper() -> None:
    codes = F.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    total = 0.0
    for i in range(6):
        similar = torch.exp(codes[i] @ codes.T / 0.5)
        total -= float(torch.log(similar[(i + 3) % 6] / (similar.sum() - similar[i])))
    assert float(contrastive(codes, temperature=0.5)) == pytest.approx(total / 6, rel=1e-5)
