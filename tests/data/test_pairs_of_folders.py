"""Pairs of folders: as Pillow resizes them, by their names, or refused in one sentence that names what is wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from allmodes.core.errors import UserError
from allmodes.data.degradations.grey import Grey
from allmodes.data.degraded import Degraded
from allmodes.data.pairs import Pairs
from allmodes.data.palettes import FAR, Palette
from allmodes.data.pixels import to_uint8

COLOURS = ["#000000", "#ff0000", "#00ff00", "#0000ff"]
RGB = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]])


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path, **options)
    return path


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def blocks(seed: int, side: int, block: int) -> np.ndarray:
    """Labels 0 to 3 in squares."""
    coarse = np.random.default_rng(seed).integers(0, 4, (side // block, side // block))
    return coarse.repeat(block, 0).repeat(block, 1)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Six inputs of 16 x 12 in inputs/, and their targets of 32 x 24 in targets/."""
    for number in range(6):
        save(tmp_path / f"inputs/{number}.png", noise(number, 12, 16))
        save(tmp_path / f"targets/{number}.bmp", noise(10 + number, 24, 32, 3))
    return tmp_path


def both(folder: Path, **options: object) -> Pairs:
    return Pairs(folder / "inputs", folder / "targets", **options)  # type: ignore[arg-type]


def test_pairs_are_cropped_and_resized_as_pillow_does_it(folders):
    pairs = both(folders, size=16)
    assert (pairs.shape, pairs.input_shape) == ((3, 16, 16), (1, 8, 8))
    batch = pairs.batch(0, 6, 0)
    for index, image, given in zip(batch.index.tolist(), batch.images, batch.inputs, strict=True):
        target = Image.open(folders / f"targets/{index}.bmp").resize((16, 16), Image.LANCZOS, box=(4, 0, 28, 24))
        asked = Image.open(folders / f"inputs/{index}.png").resize((8, 8), Image.LANCZOS, box=(2, 0, 14, 12))
        assert np.array_equal(to_uint8(image[None])[0].permute(1, 2, 0).numpy(), np.asarray(target))
        assert np.array_equal(to_uint8(given[None])[0, 0].numpy(), np.asarray(asked))


def test_transparent_is_white_and_colour_is_kept_if_one_picture_has_it(folders):
    clear = np.zeros((12, 16, 4))
    clear[:, :8] = (255, 0, 0, 255)
    save(folders / "inputs/0.png", clear)
    pairs = both(folders, size=24)
    assert pairs.inputs.shape == (6, 3, 12, 12)
    assert pairs.inputs[0, :, 6, 1].tolist() == [255, 0, 0]
    assert pairs.inputs[0, :, 6, 10].tolist() == [255, 255, 255]
    assert (pairs.inputs[1, 0] == pairs.inputs[1, 2]).all()  # grey, as it was


def test_held_out_pairs_keep_their_inputs_and_are_no_longer_trained_on(folders):
    pairs, every = both(folders, size=8, heldout=0.5), both(folders, size=8)
    unseen = pairs.unseen("heldout")
    assert (len(pairs), len(unseen), len(pairs.unseen("test"))) == (3, 3, 0)
    assert unseen.inputs.shape == (3, 1, 4, 4)
    everything = every.batch(0, 6, 0)
    for name, image, given in zip(pairs.heldout_names, unseen.images, unseen.inputs, strict=True):
        row = everything.index.tolist().index(int(Path(name).stem))
        assert torch.equal(everything.images[row], image)
        assert torch.equal(everything.inputs[row], given)
    assert pairs.fingerprint != every.fingerprint


def test_a_fingerprint_is_of_both_folders(folders):
    prints = {both(folders).fingerprint}
    for changed in ("inputs/3.png", "targets/3.bmp"):
        kept = (folders / changed).read_bytes()
        pixels = np.asarray(Image.open(folders / changed)).copy()
        pixels[0, 0] ^= 1
        save(folders / changed, pixels)
        prints.add(both(folders).fingerprint)
        (folders / changed).write_bytes(kept)
    prints.add(both(folders, palette=[f"#{v:02x}{v:02x}{v:02x}" for v in range(256)]).fingerprint)
    assert len(prints) == 4


def test_a_zip_and_two_arrays_pair_too(folders):
    with zipfile.ZipFile(folders / "packed.zip", "w") as packed:
        for file in (folders / "inputs").iterdir():
            packed.write(file, f"packed/{file.name}")
    zipped = Pairs(folders / "packed.zip", folders / "targets", size=16)
    assert torch.equal(zipped.inputs, both(folders, size=16).inputs)
    for name, ending in (("inputs", "png"), ("targets", "bmp")):
        pages = [np.asarray(Image.open(folders / f"{name}/{number}.{ending}")) for number in range(6)]
        np.save(folders / f"{name}.npy", np.stack(pages))
    arrays = Pairs(folders / "inputs.npy", folders / "targets.npy", size=16)
    assert torch.equal(arrays.inputs, zipped.inputs)
    assert torch.equal(arrays.images, zipped.images)
    with pytest.raises(UserError, match=r"inputs\.npy is an array, .* no names as those in .*targets"):
        Pairs(folders / "inputs.npy", folders / "targets")
    np.save(folders / "few.npy", np.zeros((5, 24, 32), np.uint8))
    with pytest.raises(UserError, match="6 inputs and .* 5 targets"):
        Pairs(folders / "inputs.npy", folders / "few.npy")


def test_pictures_without_a_partner_are_named_ten_at_most(folders):
    for number in range(12):
        save(folders / f"inputs/more/{number:02}.png", noise(0, 12, 16))
    (folders / "inputs/2.png").unlink()
    with pytest.raises(UserError, match=r"more/09 and 2 more alone and .*targets has 2 alone") as error:
        both(folders)
    assert "more/10" not in str(error.value)


def wrong_size(folder: Path) -> None:
    save(folder / "inputs/1.png", noise(0, 12, 15))


def larger(folder: Path) -> None:
    save(folder / "inputs/1.png", noise(0, 48, 64))


def by_three(folder: Path) -> None:
    save(folder / "inputs/1.png", noise(0, 8, 11))


def as_large(folder: Path) -> None:
    save(folder / "inputs/1.png", noise(0, 24, 32))


def twice(folder: Path) -> None:
    save(folder / "inputs/1.bmp", noise(0, 12, 16))


def cut_off(folder: Path) -> None:
    (folder / "inputs/1.png").write_bytes((folder / "inputs/1.png").read_bytes()[:60])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrong_size, r"these are not: 1\.png \(15 x 12, of 32 x 24\)"),
        (larger, r"these are not: 1\.png \(64 x 48, of 32 x 24\)"),
        (by_three, r"these are not: 1\.png \(11 x 8, of 32 x 24\)"),
        (as_large, r"by one factor, but it is 1 times in 1\.png, 2 times in 0\.png"),
        (twice, r"several pictures called 1: keep one"),
        (cut_off, r"inputs/1\.png \(.*\) is damaged or no image"),
    ],
)
def test_what_does_not_fit_is_named(spoil, said, folders):
    spoil(folders)
    with pytest.raises(UserError, match=said):
        both(folders)


def test_a_size_that_the_factor_does_not_divide_is_refused(folders):
    with pytest.raises(UserError, match=r"'data\.size' is 15, but inputs are 2 times smaller"):
        both(folders, size=15)


def test_pairs_are_not_degraded(folders):
    with pytest.raises(UserError, match="'pairs' come with inputs of their own"):
        Degraded(both(folders), Grey(), "grey")


class TestLabelMaps:
    @pytest.fixture
    def layouts(self, tmp_path: Path) -> Path:
        """Three label maps of 32 x 32 as colours, as palette indices and as grey, and their targets."""
        for number in range(3):
            labels = blocks(number, 32, 4)
            save(tmp_path / f"targets/{number}.png", noise(number, 32, 32, 3))
            save(tmp_path / f"inputs/{number}.png", RGB[labels])
            save(tmp_path / f"greys/{number}.png", labels * 10)
            (tmp_path / "indices").mkdir(exist_ok=True)
            indices = Image.fromarray(labels.astype(np.uint8))
            indices.putpalette(RGB.flatten().tolist())
            indices.save(tmp_path / f"indices/{number}.png")
        return tmp_path

    @pytest.mark.parametrize(
        ("folder", "palette", "order"),
        [
            ("inputs", COLOURS, [0, 1, 2, 3]),
            ("indices", COLOURS, [0, 1, 2, 3]),
            ("inputs", COLOURS[::-1], [3, 2, 1, 0]),
            ("inputs", "auto", [0, 3, 2, 1]),  # by red, then green, then blue
            ("greys", "auto", [0, 1, 2, 3]),
        ],
    )
    def test_labels_are_those_that_were_drawn(self, layouts, folder, palette, order):
        pairs = Pairs(layouts / folder, layouts / "targets", palette=palette)
        assert (pairs.input_shape, len(pairs.palette)) == ((32, 32), 4)
        batch = pairs.batch(0, 3, 0)
        assert batch.inputs.dtype == torch.int64
        for index, found in zip(batch.index.tolist(), batch.inputs, strict=True):
            assert np.array_equal(found.numpy(), np.array(order)[blocks(index, 32, 4)])
        if folder == "inputs":  # shown again as they were given
            shown = to_uint8(pairs.palette.pictures(batch.inputs))
            for index, found in zip(batch.index.tolist(), shown, strict=True):
                assert np.array_equal(
                    found.permute(1, 2, 0).numpy(), np.asarray(Image.open(layouts / f"inputs/{index}.png"))
                )

    def test_they_are_resized_without_new_labels(self, layouts):
        pairs = both(layouts, palette=COLOURS, size=8)
        for index, found in enumerate(pairs.inputs):
            assert np.array_equal(found.numpy(), blocks(index, 32, 4)[::4, ::4])

    def test_jpeg_is_snapped_to_the_nearest_colour_and_what_is_far_is_counted(self, layouts):
        far = total = 0
        for number in range(3):
            path = save(layouts / f"jpeg/{number}.jpg", RGB[blocks(number, 32, 16)], quality=60)
            apart = np.linalg.norm(np.asarray(Image.open(path), float)[:, :, None] - RGB, axis=3)  # brute force
            far, total = far + (apart.min(2) > FAR).sum(), total + apart[..., 0].size
            (layouts / f"inputs/{number}.png").unlink()
        pairs = Pairs(layouts / "jpeg", layouts / "targets", palette=COLOURS)
        apart = np.linalg.norm(np.asarray(Image.open(path), float)[:, :, None] - RGB, axis=3)
        assert np.array_equal(pairs.inputs[2].numpy(), apart.argmin(2))
        assert 0 < far < total
        assert f"{far:,} of {total:,} (" in pairs.notes[0]

    def test_a_lossless_picture_has_no_colour_but_those_of_labels(self, layouts):
        pixels = RGB[blocks(1, 32, 4)]
        pixels[5, 5] = (1, 2, 3)
        save(layouts / "inputs/1.png", pixels)
        with pytest.raises(UserError, match=r"colours that the palette has not: 1\.png \(#010203\)"):
            both(layouts, palette=COLOURS)

    def test_what_is_no_label_map_is_refused(self, layouts, tmp_path):
        targets = layouts / "targets"
        with pytest.raises(UserError, match=r"more than 256 colours, seen by 0\.png"):
            Pairs(targets, targets, palette="auto")
        for number in range(3):
            save(layouts / f"jpeg/{number}.jpg", RGB[blocks(number, 32, 16)])
            save(layouts / f"one/{number}.png", np.zeros((32, 32)))
            (layouts / "deep").mkdir(exist_ok=True)
            Image.fromarray(blocks(number, 32, 4).astype(np.uint16)).save(layouts / f"deep/{number}.png")
        with pytest.raises(UserError, match=r"jpeg/0\.jpg has colours that compression blurred"):
            Pairs(layouts / "jpeg", targets, palette="auto")
        with pytest.raises(UserError, match="one colour only"):
            Pairs(layouts / "one", targets, palette="auto")
        with pytest.raises(UserError, match=r"deep/0\.png has more than 8 bits"):
            Pairs(layouts / "deep", targets, palette=COLOURS)

    @pytest.mark.parametrize(
        ("palette", "said"),
        [
            (["#000000"], "has 1 colour, but must have from 2"),
            (["#000000", "#ff0000", "red"], "#ff0000, red twice"),
            (["#000000", "reddish"], r"'reddish'.*write colours as '#ff8000'"),
        ],
    )
    def test_a_palette_that_is_none_is_refused(self, palette, said):
        with pytest.raises(UserError, match=said):
            Palette(tuple(palette))


@pytest.mark.parametrize("field", ["inputs", "targets"])
def test_a_side_that_is_not_there_is_said_by_its_option(field, tmp_path):
    save(tmp_path / "there/1.png", np.zeros((32, 32)))
    sides = {"inputs": tmp_path / "there", "targets": tmp_path / "there"} | {field: tmp_path / "nowhere"}
    with pytest.raises(UserError, match=rf"nowhere does not exist: .* of {field} with --data\.{field}\."):
        Pairs(**sides)
