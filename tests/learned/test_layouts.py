"""Layouts are read off pictures that show them, and not off others; a reader is trained once for each split."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from allmodes.core.records import Batch
from allmodes.data.paired import PairedImages
from allmodes.data.palettes import Palette
from allmodes.evaluation.protocols.base import Subject
from allmodes.evaluation.protocols.conditional import ConditionalProtocol
from allmodes.learned import layouts
from allmodes.learned.layouts import layout_reader, of_size, small

LIGHT = torch.tensor([40, 120, 200])  # of each label


def labels(n: int, side: int, seed: int) -> Tensor:
    """Label maps of blocks of 4 x 4."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(3, (n, side // 4, side // 4), generator=rng).repeat_interleave(4, 1).repeat_interleave(4, 2)


def photographs(of: Tensor) -> Tensor:
    """Grey values by label, with noise, uint8 ``(n, 1, H, W)``."""
    rng = torch.Generator().manual_seed(9)
    return (LIGHT[of][:, None] + torch.randint(-20, 20, (len(of), 1, *of.shape[1:]), generator=rng)).to(torch.uint8)


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> PairedImages:
    monkeypatch.setattr(layouts, "STEPS", 80)
    of = labels(60, 16, 0)
    palette = Palette(("#000000", "#00ff00", "#0000ff"))
    return PairedImages(photographs(of), of.to(torch.uint8), "blocks", palette=palette, heldout=0.25)


def test_what_a_picture_shows_is_read_and_another_layout_is_not(pairs: PairedImages) -> None:
    reader, asked = layout_reader(pairs), pairs.unseen("heldout")
    assert len(asked) == 15
    right = reader.agreement(asked.images, asked.inputs)
    wrong = reader.agreement(asked.images, (asked.inputs + 1) % 3)
    assert right.mean() > 0.9
    assert torch.all(right + wrong <= 1 + 1e-12)  # a pixel is read as one label
    assert wrong.mean() < 0.1


def test_a_reader_is_kept_and_another_split_has_its_own(pairs: PairedImages, monkeypatch: pytest.MonkeyPatch) -> None:
    first = layout_reader(pairs)
    monkeypatch.setattr(layouts, "_learn", lambda *_: pytest.fail("trained again"))
    again = layout_reader(pairs)
    assert first.fingerprint == again.fingerprint
    for name, values in first.network.state_dict().items():
        assert torch.equal(values, again.network.state_dict()[name])
    of = labels(60, 16, 0)
    other = PairedImages(photographs(of), of.to(torch.uint8), "blocks", palette=pairs.palette, heldout=0.25, fold=1)
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        layout_reader(other)


def test_large_pictures_and_small_layouts_meet_at_one_size() -> None:
    images = torch.arange(128.0).expand(1, 3, 128, 128)
    assert small(images).shape == (1, 3, 64, 64)
    assert torch.equal(small(images)[0, 0, 0], torch.arange(64.0) * 2 + 0.5)  # means of two columns
    maps = torch.arange(4).view(1, 2, 2)
    assert torch.equal(of_size(maps, images)[0, ::32, ::32], maps[0])
    assert set(of_size(maps, images).unique().tolist()) == {0, 1, 2, 3}


class Shows:
    """A model whose answers show every layout, or the first label everywhere."""

    def __init__(self, *, right: bool) -> None:
        self.right = right

    def sample(self, n: int, *, seed: int, condition: Tensor) -> Tensor:
        of = condition if self.right else torch.zeros_like(condition)
        return photographs(of).float() / 127.5 - 1


def test_answers_are_read_beside_the_originals(pairs: PairedImages) -> None:
    found = {}
    for right in (True, False):
        subject = Subject(lambda n, seed: torch.zeros(n), pairs, 0, torch.device("cpu"), model=Shows(right=right))  # type: ignore[arg-type]
        found[right] = {score.name: score for score in ConditionalProtocol().scores(subject)}
        quick = ConditionalProtocol().scores(replace(subject, quick=True))
        assert "layout_agreement" not in {score.name for score in quick}
    good, bad = (found[right]["layout_agreement"] for right in (True, False))
    asked: Batch = pairs.unseen("heldout")
    assert good.value > 0.9
    assert bad.value == pytest.approx(float((asked.inputs == 0).double().mean()), abs=0.1)
    assert good.value == pytest.approx(found[True]["layout_agreement_originals"].value, abs=0.05)
    assert len(good.detail["each"]) == 15
    assert good.n_fake == 150
