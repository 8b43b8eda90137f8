"""Data sets of few images: found, checked, cropped; a fold of them kept out of training."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from test_mnist_format import write_set

from allmodes.core.errors import UserError
from allmodes.data.collection import Collection, content_hash, data_folder
from allmodes.data.digits import SmallDigits
from allmodes.data.fixed import FixedImages, held_out
from allmodes.data.images import Images
from allmodes.data.mnist import Mnist
from allmodes.data.noto_faces import FACES, FONT, NOTO, NotoFaces
from allmodes.data.orl_faces import OrlFaces
from allmodes.data.planar import Ring
from allmodes.data.raccoon import Raccoon, around, largest_box
from allmodes.data.stacked import Stacked

FILES = {"a/1.png": b"first", "a/2.png": b"second", "notes.txt": b"no member", "a/2.png.bak": b"no member"}
MEMBERS = {name: content for name, content in FILES.items() if name.endswith(".png")}


def here(folder: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(data_folder(folder) is None, reason=f"needs {folder} in $ALLMODES_DATA")


def numbered(count: int) -> FixedImages:
    """Images that hold their own number, labelled by it."""
    number = torch.arange(count, dtype=torch.uint8)
    return FixedImages(number[:, None, None, None].expand(-1, 1, 4, 4), number.long(), "numbers")


class TestHeldOut:
    @settings(max_examples=60, deadline=None)
    @given(count=st.integers(2, 60), share=st.floats(0, 0.9))
    def test_folds_keep_every_image_out_once(self, count, share):
        size = round(share * count)
        if size in {0, count}:
            return
        folds = [held_out(count, share, fold) for fold in range(-(-count // size))]
        assert all(int(fold.sum()) == size for fold in folds)
        whole = torch.stack(folds[: count // size]).int().sum(0)
        assert whole.max() == 1
        assert torch.stack(folds).any(0).all()

    def test_training_sees_the_others_with_their_labels(self):
        every = numbered(50)
        part = FixedImages(every.images, every.labels, every.fingerprint, heldout=0.2, fold=1)
        assert (len(every), len(part), len(part.heldout)) == (50, 40, 10)
        assert part.heldout_images.shape == (10, 1, 4, 4)
        batch = part.batch(0, 40, 3)
        pixels = ((batch.images[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(pixels, batch.labels)
        assert set(batch.labels.tolist()) | set(part.heldout[:, 0, 0, 0].tolist()) == set(range(50))
        assert len({every.fingerprint, part.fingerprint}) == 2
        other = FixedImages(every.images, every.labels, every.fingerprint, heldout=0.2)
        assert other.fingerprint != part.fingerprint

    def test_nothing_is_kept_out_unless_asked_for(self):
        every = numbered(9)
        assert every.fingerprint == "numbers"
        assert every.heldout_images.shape == (0, 1, 4, 4)

    @pytest.mark.parametrize(
        ("share", "fold", "said"),
        [
            (1.0, 0, r"'data.heldout' must be .* they are 1.0 and 0\."),
            (-0.1, 0, r"'data.heldout' must be"),
            (float("nan"), 0, r"'data.heldout' must be"),
            (0.2, -1, r"'data.fold' 0 or more, but they are 0.2 and -1\."),
            (0.99, 0, r"'data.heldout' is 0.99: of 10 images that is 10\. Give more"),
            (0.001, 0, r"of 10 images that is 0\. Give more images, or --data.heldout 0 to hold none out"),
        ],
    )
    def test_refuses(self, share, fold, said):
        with pytest.raises(UserError, match=said):
            held_out(10, share, fold)

    def test_a_folder_of_images_can_keep_some_out(self, tmp_path):
        for number in range(10):
            Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
        data = Images(tmp_path, heldout=0.3)
        assert (len(data), len(data.heldout)) == (7, 3)
        assert sorted([*data.images[:, 0, 0, 0].tolist(), *data.heldout[:, 0, 0, 0].tolist()]) == list(range(10))


def test_which_examples_come_again():
    assert numbered(3).fixed
    assert SmallDigits().fixed
    assert Stacked("digits", fixed=20).fixed
    assert not Stacked("digits").fixed
    assert not Ring().fixed
    assert len(Ring().heldout_images) == 0


class TestCollection:
    def collection(self) -> Collection:
        return Collection("things", r"a/\d\.png", content_hash(MEMBERS), ("https://there/x.zip",))

    def folder(self, root: Path, files=FILES) -> Path:
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        return root

    def packed(self, path: Path, files=FILES) -> bytes:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(f"things-main/{name}", content)
        return path.read_bytes()

    def test_is_read_from_a_folder_or_a_zip_wherever_its_files_are(self, tmp_path, monkeypatch):
        self.packed(tmp_path / "x.zip")
        folder = self.folder(tmp_path / "data" / "things")
        for place in (folder, folder.parent, tmp_path / "x.zip"):
            assert self.collection().read(place) == MEMBERS
        monkeypatch.setenv("ALLMODES_DATA", str(tmp_path / "data"))
        assert self.collection().read(None) == MEMBERS

    @pytest.mark.parametrize("altered", [{"a/1.png": b"other"}, {}, {**MEMBERS, "a/3.png": b"more"}])
    def test_nothing_else_passes_for_it(self, tmp_path, altered):
        place = self.folder(tmp_path / "x", altered)
        place.mkdir(exist_ok=True)
        with pytest.raises(UserError, match=rf"does not hold things as it was published: {len(altered)} files"):
            self.collection().read(place)
        (tmp_path / "x.zip").write_bytes(b"PK no")
        with pytest.raises(UserError, match=r"x.zip is neither a folder nor a zip of things"):
            self.collection().read(tmp_path / "x.zip")

    def test_is_downloaded_once_and_only_if_genuine(self, tmp_path, monkeypatch):
        monkeypatch.setenv("ALLMODES_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("ALLMODES_DATA", raising=False)
        content = {"now": self.packed(tmp_path / "bad.zip", {**FILES, "a/1.png": b"altered"})}
        monkeypatch.setattr(
            torch.hub, "download_url_to_file", lambda u, t, progress: Path(t).write_bytes(content["now"])
        )
        with pytest.raises(UserError, match=r"checksum .*: put its files into a folder things/ and set ALLMODES_DATA"):
            self.collection().read(None)
        content["now"] = self.packed(tmp_path / "good.zip")
        assert self.collection().read(None) == MEMBERS
        content["now"] = b"gone"
        assert self.collection().read(None) == MEMBERS


class TestRaccoon:
    side = st.integers(1, 300)

    @settings(max_examples=200, deadline=None)
    @given(width=side, height=side, ends=st.tuples(*[st.floats(0, 1)] * 4))
    def test_a_square_lies_in_the_photo_and_holds_the_box_if_it_can(self, width, height, ends):
        left, right = sorted((ends[0] * width, ends[1] * width))
        top, bottom = sorted((ends[2] * height, ends[3] * height))
        a, b, c, d = around((left, top, right, bottom), width, height)
        assert c - a == pytest.approx(d - b)
        assert -1e-6 <= a <= c <= width + 1e-6
        assert -1e-6 <= b <= d <= height + 1e-6
        longer = max(right - left, bottom - top)
        assert c - a == pytest.approx(min(longer, width, height))
        if longer <= min(width, height):
            assert a - 1e-6 <= left
            assert b - 1e-6 <= top
            assert right <= c + 1e-6
            assert bottom <= d + 1e-6

    def test_the_largest_of_several_boxes_counts(self):
        boxes = [(5, 5, 9, 9), (0, 10, 20, 40), (30, 0, 31, 90)]
        inner = "".join(
            f"<object><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
            for a, b, c, d in boxes
        )
        assert largest_box(f"<annotation>{inner}</annotation>".encode()) == (0, 10, 20, 40)

    @here("fewshot-raccoon")
    def test_two_hundred_photographs(self):
        data = Raccoon(size=16, heldout=0.2)
        assert (len(data), data.shape, len(data.heldout)) == (160, (3, 16, 16), 40)


class TestFaces:
    @here("orl-faces")
    def test_people_are_labels(self):
        data = OrlFaces()
        assert (len(data), data.shape) == (400, (1, 64, 64))
        assert torch.bincount(data.labels).tolist() == [10] * 40
        first = Image.open(data_folder("orl-faces") / "s2" / "10.pgm").resize((64, 64), 1, box=(0, 10, 92, 102))
        assert (data.labels[19], np.asarray(first).tolist()) == (1, data.images[19, 0].tolist())

    @here("orl-faces")
    def test_people_are_held_out_whole(self):
        mixed, apart = (OrlFaces(size=16, heldout=0.2, whole_people=whole) for whole in (False, True))
        assert len(mixed.heldout) == len(apart.heldout) == 80
        assert len(set(mixed.labels.tolist())) > 32
        assert torch.bincount(apart.labels, minlength=40).unique().tolist() == [0, 10]
        assert len({mixed.fingerprint, apart.fingerprint, OrlFaces(size=16).fingerprint}) == 3

    def test_images_of_a_group_are_held_out_together(self):
        images = torch.arange(12, dtype=torch.uint8).view(12, 1, 1, 1)
        groups = torch.tensor([0, 1, 2, 3] * 3)
        seen = set()
        for fold in range(4):
            data = FixedImages(images, None, "twelve", heldout=0.25, fold=fold, groups=groups)
            out = data.heldout.flatten().tolist()
            assert len(out) == 3
            assert len({place % 4 for place in out}) == 1
            assert sorted(out + data.images.flatten().tolist()) == list(range(12))
            assert data.heldout_names == tuple(map(str, out))
            seen.update(out)
        assert len(seen) == 12

    @here("fewshot-noto-faces")
    def test_emoji_are_on_white(self):
        data = NotoFaces(heldout=0.2)
        assert (len(data), data.shape, len(data.heldout)) == (98, (3, 64, 64), 25)
        assert (data.images[:, :, 0, 0] == 255).all()

    @pytest.mark.skipif(not FONT.exists() or data_folder(NOTO.folder) is None, reason="needs the font and its pictures")
    def test_the_font_gives_the_same_pictures(self):
        gap = NotoFaces(path=FONT).images.int() - NotoFaces().images.int()
        assert int(gap.abs().max()) <= 2

    def test_every_emoji_once(self):
        assert len(set(FACES)) == len(FACES) == 123

    def test_without_the_font_one_sentence_says_what_to_install(self, tmp_path):
        with pytest.raises(UserError, match=r"install the font \(fonts-noto-color-emoji .* --data.path"):
            NotoFaces(path=tmp_path / "none.ttf")

    @pytest.mark.parametrize("cls", [NotoFaces, OrlFaces, Raccoon])
    def test_a_size_of_nothing_is_refused(self, cls):
        with pytest.raises(UserError, match=r"'data.size' is 3"):
            cls(size=3)


class TestFewDigits:
    def test_classes_take_turns(self, tmp_path):
        data = Mnist(path=write_set(tmp_path / "mnist", 40), count=20)
        assert (len(data), len(data.heldout_images)) == (20, 20)
        assert torch.bincount(data.labels).tolist() == [2] * 10
        every = Mnist(path=tmp_path / "mnist")
        assert len(every.heldout_images) == 0
        assert every.fingerprint != data.fingerprint
        assert torch.equal(data.images, every.images[:20])  # here the digits already come in turn
        known = data.labelled()
        assert (len(known.train_images), known.fingerprint) == (20, data.fingerprint)

    def test_refuses_none(self):
        with pytest.raises(UserError, match=r"'data.count' is 0"):
            Mnist(count=0)
