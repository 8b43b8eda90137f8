"""Features of DINOv2 and CLIP are those of the package ``transformers``: its preparation by Pillow, its networks.

The networks here are small, with random weights. What Pillow rounds to whole numbers in between is left.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_sample_image

from allmodes.auditing import open_distance
from allmodes.core.errors import UserError
from allmodes.data.pixels import to_float
from allmodes.distances import vision_transformers
from allmodes.distances.vision_transformers import ClipFeatures, Dinov2Small, TransformerFeatures
from allmodes.networks.features.vision_transformers import is_at_hand

SIZES = {"hidden_size": 48, "num_attention_heads": 3, "num_hidden_layers": 2, "initializer_range": 0.1}
ROUNDED = 5e-3  # of the distance of two pictures
Truth = Callable[[list[Image.Image]], torch.Tensor]


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(transformers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as the package leaves them."""
    made = tmp_path_factory.mktemp("weights")
    transformers.logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.Dinov2Model(transformers.Dinov2Config(**SIZES)).save_pretrained(made / "dinov2")
        seen = {**SIZES, "intermediate_size": 96, "patch_size": 32, "projection_dim": 32}
        words = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 32}
        config = transformers.CLIPConfig(vision_config=seen, text_config=words, projection_dim=32)
        transformers.CLIPModel(config).save_pretrained(made / "clip")
    return made


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    whole = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    return [one.crop((100, 50, 356, 306)).resize((72, 72)) for one in whole]


def as_tensor(pictures: list[Image.Image]) -> torch.Tensor:
    return to_float(torch.stack([torch.from_numpy(np.array(one)).permute(2, 0, 1) for one in pictures]))


def dinov2(transformers, folder: Path) -> Truth:
    network = transformers.Dinov2Model.from_pretrained(folder / "dinov2").eval()
    sizes = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    statistics = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    prepare = transformers.BitImageProcessorPil(**sizes, **statistics)
    return lambda pictures: network(prepare(images=pictures, return_tensors="pt")["pixel_values"]).pooler_output


def clip(transformers, folder: Path) -> Truth:
    network = transformers.CLIPModel.from_pretrained(folder / "clip").eval()
    prepare = transformers.CLIPImageProcessorPil()

    def truth(pictures: list[Image.Image]) -> torch.Tensor:
        found = network.get_image_features(**prepare(images=pictures, return_tensors="pt"))
        found = getattr(found, "pooler_output", found)
        return found / found.norm(dim=1, keepdim=True)

    return truth


@pytest.mark.parametrize(("cls", "truth"), [(Dinov2Small, dinov2), (ClipFeatures, clip)])
@torch.no_grad()
def test_features_are_those_of_the_package(
    cls: type[TransformerFeatures], truth: Callable[..., Truth], transformers, folder: Path, pictures: list[Image.Image]
) -> None:
    distance = cls(path=folder / cls.name.removesuffix("-small"))
    ours, theirs = distance.embed(as_tensor(pictures)), truth(transformers, folder)(pictures)
    assert ours.dtype == torch.float32
    assert (ours - theirs).norm(dim=1).max() < ROUNDED * (theirs[0] - theirs[1]).norm()
    grey = [one.convert("L") for one in pictures]
    shown = torch.stack([torch.from_numpy(np.array(one)) for one in grey])[:, None]
    as_colour = truth(transformers, folder)([one.convert("RGB") for one in grey])
    assert (distance.embed(to_float(shown)) - as_colour).norm(dim=1).max() < ROUNDED * (theirs[0] - theirs[1]).norm()


@pytest.mark.parametrize("cls", [Dinov2Small, ClipFeatures])
@torch.no_grad()
def test_in_bfloat16_features_are_the_same_but_for_rounding(
    cls: type[TransformerFeatures], folder: Path, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature vector moves by 1% of its length at most, which is 2.5 roundings of 2^-8; distances change by 3%."""
    whole = cls(path=folder / cls.name.removesuffix("-small"))
    images = as_tensor(pictures)
    parts = torch.cat([images[..., y : y + 36, x : x + 36] for y in (0, 18, 36) for x in (0, 18, 36)])
    single, name = whole.embed(parts), whole.fingerprint()
    monkeypatch.setattr(vision_transformers, "HALF", frozenset({"cpu"}))
    half = whole.embed(parts)
    assert half.dtype == torch.float32
    assert not torch.equal(half, single)
    assert whole.fingerprint() != name
    assert ((half - single).norm(dim=1) / single.norm(dim=1)).max() < 0.01
    apart = torch.pdist(single)
    assert ((torch.pdist(half) - apart).abs() / apart).max() < 0.03


def test_a_space_is_named_by_its_weights_and_size(folder: Path, tmp_path: Path) -> None:
    path = str(folder / "dinov2")
    first, small = (open_distance("dinov2-small", {"path": path, "side": side}) for side in (224, 112))
    shutil.copytree(folder / "dinov2", tmp_path / "other")
    weights = load_file(tmp_path / "other" / "model.safetensors")
    weights["layernorm.bias"] += 1e-3
    save_file(weights, tmp_path / "other" / "model.safetensors", {"format": "pt"})
    other = Dinov2Small(path=tmp_path / "other")
    assert len({each.fingerprint() for each in (first, small, other)}) == 3
    assert first.fingerprint() == Dinov2Small(path=folder / "dinov2").fingerprint()
    assert small.prepared(torch.zeros(1, 3, 40, 40)).shape == (1, 3, 112, 112)


def test_what_is_no_such_network_is_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds weights of 'clip', not of DINOv2 \(small\)"):
        Dinov2Small(path=folder / "clip")
    with pytest.raises(UserError, match="holds no weights of CLIP: give a folder with config.json and model.safetens"):
        ClipFeatures(path=tmp_path)
    with pytest.raises(UserError, match="'distance.side' is 100, but must be a multiple of 14"):
        Dinov2Small(side=100, path=folder / "dinov2")
    cut = Path(shutil.copytree(folder / "dinov2", tmp_path / "cut"))
    weights = load_file(cut / "model.safetensors")
    del weights["layernorm.bias"]  # the package would draw another one at random
    save_file(weights, cut / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="are not whole: layernorm.bias is missing"):
        Dinov2Small(path=cut)
    (cut / "model.safetensors").write_bytes(b"none")
    with pytest.raises(UserError, match=r"does not hold the weights of DINOv2 \(small\)"):
        Dinov2Small(path=cut)
    (cut / "model.safetensors").unlink()
    torch.save(weights, cut / "pytorch_model.bin")  # a pickle
    with pytest.raises(UserError, match="holds no weights"):
        Dinov2Small(path=cut)


def test_it_is_at_hand_where_the_package_has_its_weights(
    transformers, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Dinov2Small.published
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert not is_at_hand(found)
    at = tmp_path / f"models--{found.repository.replace('/', '--')}" / "snapshots" / str(found.revision)
    shutil.copytree(folder / "dinov2", at)  # as its client lays it
    assert is_at_hand(found)


def test_without_a_network_it_says_what_to_do(transformers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        UserError, match=r"cannot be downloaded \(.*\): give a folder that holds them with --distance.p"
    ):
        Dinov2Small()


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"CLIP cannot be used: .*: pip install 'allmodes\[views\]'\."):
        ClipFeatures()
