"""Words for what is missing: the right one first where it is planted, and none where nothing is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, rotate
from scipy.stats import mannwhitneyu

from allmodes.auditing import audit
from allmodes.auditing.traits import Trait, phrase, traits


def photographs(n: int, seed: int) -> np.ndarray:
    """Colour pictures of smooth patches, of any light and contrast, with grain ``(n, 24, 24, 3)`` from 0 to 1."""
    rng = np.random.default_rng(seed)
    patches = gaussian_filter(rng.normal(size=(n, 24, 24, 3)), (0, 2, 2, 0))
    light, spread = rng.uniform(0.3, 0.7, (n, 1, 1, 3)), rng.uniform(0.3, 0.8, (n, 1, 1, 1))
    return (light + spread * patches + rng.normal(0, 0.03, patches.shape)).clip(0, 1)


def objects(n: int, seed: int, *, side: tuple[int, int] = (6, 12)) -> np.ndarray:
    """Bright bars on a dark ground, of any size, place and direction ``(n, 24, 24)``."""
    rng = np.random.default_rng(seed)
    pictures = np.full((n, 24, 24), 0.1)
    for picture in pictures:
        height, width = rng.integers(*side, size=2)
        top, left = rng.integers(2, 22 - height), rng.integers(2, 22 - width)
        picture[top : top + height, left : left + width] = rng.uniform(0.5, 0.9)
    return pictures + rng.normal(0, 0.01, pictures.shape)


def bars(n: int, seed: int, *, angle: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    upright = np.zeros((24, 24))
    upright[5:19, 10:14] = 0.7
    turned = [rotate(upright, angle + rng.normal(0, 8), reshape=False, order=1) for _ in range(n)]
    return np.stack(turned) + rng.normal(0.1, 0.01, (n, 24, 24))


def tensor(pictures: np.ndarray) -> torch.Tensor:
    pixels = torch.from_numpy((255 * pictures.clip(0, 1)).astype(np.uint8))
    return pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)


def told(part: np.ndarray, rest: np.ndarray) -> tuple[Trait, ...]:
    (found,) = traits(tensor(np.concatenate([part, rest])), [range(len(part))], range(len(part), len(part) + len(rest)))
    return found


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "darker": lambda x: x - 0.3,
    "brighter": lambda x: x + 0.3,
    "lower in contrast": lambda x: x.mean((1, 2, 3), keepdims=True) + 0.3 * (x - x.mean((1, 2, 3), keepdims=True)),
    "greyer": lambda x: x.mean(3, keepdims=True) + 0.2 * (x - x.mean(3, keepdims=True)),
    "redder": lambda x: x + np.array([0.36, -0.18, 0]),
    "bluer": lambda x: x + np.array([-0.05, -0.05, 0.4]),
    "blurrier": lambda x: gaussian_filter(x, (0, 1.5, 1.5, 0)),
    "finer in detail": lambda x: x + np.random.default_rng(1).normal(0, 0.06, x.shape),
}


@pytest.mark.parametrize("word", CHANGES)
def test_what_a_part_of_photographs_was_changed_in_is_named_first(word: str) -> None:
    found = told(CHANGES[word](photographs(40, 0)), photographs(300, 1))
    assert found[0].word == word
    assert found[0].than > 0.9
    assert found[0].p_value < 1e-3


@pytest.mark.parametrize(
    ("word", "part", "rest"),
    [
        ("with a smaller object", objects(40, 0, side=(3, 5)), objects(300, 1)),
        ("with a larger object", objects(40, 0, side=(13, 18)), objects(300, 1)),
        ("with more level lines", bars(40, 0, angle=90), bars(300, 1, angle=0)),
        ("with lines leaning more to the right", bars(40, 0, angle=-30), bars(300, 1, angle=0)),
        ("with lines leaning more to the left", bars(40, 0, angle=30), bars(300, 1, angle=0)),
    ],
)
def test_sizes_and_directions_are_named(word: str, part: np.ndarray, rest: np.ndarray) -> None:
    found = told(part, rest)
    assert found[0].word == word
    assert found[0].than > 0.9


def test_an_object_is_not_called_dark_for_its_ground_nor_the_ground_for_its_object() -> None:
    rest = objects(300, 1)
    dark, ground = objects(40, 0), objects(40, 0)
    dark[dark > 0.3] -= 0.3
    ground[ground < 0.3] += 0.15
    assert told(dark, rest)[0].word == "with an object darker"
    assert told(ground, rest)[0].word == "on a brighter ground"
    assert not any("object" in trait.word for trait in told(ground, rest))


def test_photographs_have_no_object_off_their_background() -> None:
    assert not any("object" in trait.word for trait in told(photographs(40, 0) / 4, photographs(300, 1)))


def test_the_share_is_the_mean_over_the_part_of_the_rest_that_is_surpassed() -> None:
    part, rest = photographs(30, 0) - 0.2, photographs(120, 1)
    (first, *_) = told(part, rest)
    light = tensor(np.concatenate([part, rest])).double().permute(0, 2, 3, 1).mean((1, 2)) @ torch.tensor(
        [0.299, 0.587, 0.114], dtype=torch.float64
    )
    ours, theirs = light[:30].numpy(), light[30:].numpy()
    assert first.word == "darker"
    assert first.than == pytest.approx((ours[:, None] < theirs[None, :]).mean(), abs=1e-3)
    assert first.p_value == pytest.approx(8 * mannwhitneyu(ours, theirs).pvalue, rel=0.2)  # eight attributes


def test_of_equal_parts_nothing_is_said() -> None:
    """Twelve parts of 20 out of 400 alike, eight attributes: at 5% over all, more than 3 of 20 come in 2% of cases."""
    alarms, images = 0, tensor(photographs(400, 0))
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(400)
        found = traits(images, [order[20 * i : 20 * i + 20].tolist() for i in range(12)], order[240:].tolist())
        alarms += any(found)
    assert alarms <= 3


def test_few_pictures_and_pictures_all_alike_have_no_traits() -> None:
    flat = torch.full((60, 1, 8, 8), 90, dtype=torch.uint8)
    assert traits(flat, [range(20)], range(20, 60)) == ((),)
    assert traits(flat, [range(3), []], range(20, 60)) == ((), ())
    assert phrase(()) == ""
    assert traits(flat[:, :, :2, :2], [range(20)], range(20, 60)) == ((),)


def test_a_phrase_never_says_all_where_it_is_not_all() -> None:
    two = (Trait("brightness", "darker", 0.998, 1e-9), Trait("sharpness", "blurrier", 1.0, 1e-9))
    assert phrase(two) == "darker than 99% of the rest of the data, blurrier than all"


def test_an_audit_says_what_its_parts_have_in_common(tmp_path: Path) -> None:
    pictures = photographs(600, 0)
    light = pictures.mean((1, 2, 3))
    real, fake = pictures[:300], pictures[300:][light[300:] > np.quantile(light, 1 / 3)]
    found = audit(*((255 * side).astype(np.uint8) for side in (real, fake)), distance="pixels", metrics=())
    assert found.traits[0][0].word == "darker"
    assert f"What is missing stands out: darker than {100 * found.traits[0][0].than:.0f}% of" in found.verdict()
    assert all(each[0].word == "darker" for each in found.traits[1:] if each)
    found.save(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<p>Darker than " in page
    document = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert document["traits"][0]["attribute"] == "brightness"
    assert [len(part["traits"]) for part in document["parts"]] == [len(each) for each in found.traits[1:]]


def test_of_features_there_is_nothing_to_say() -> None:
    rng = np.random.default_rng(0)
    found = audit(np.concatenate([rng.normal(size=(300, 3)), rng.normal(9, 1, (100, 3))]), rng.normal(size=(300, 3)))
    assert found.parts
    assert not any(found.traits)
