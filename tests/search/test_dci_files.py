"""Files of DCI: what save writes while others add, and what load refuses."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from allmodes.core.errors import UserError
from allmodes.core.records import Neighbours
from allmodes.search import DCI
from allmodes.search.saved import tensors_hash

ORDERS = ("l2", "linf", "prioritized")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(first: Neighbours, second: Neighbours) -> bool:
    return torch.equal(first.ids, second.ids) and torch.equal(first.distances, second.distances)


def test_what_is_saved_while_another_thread_adds_was_there_at_one_moment(tmp_path: Path) -> None:
    index = DCI(8)
    index.add(torch.zeros(5_000, 8))

    def change() -> None:
        for number in range(1, 300):
            ids = index.add(torch.full((200, 8), float(number)))
            index.remove(ids[::2])

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        while not changing.done():
            points, ids = index.all_points()
            assert len(points) == len(ids)
            assert torch.equal(points[:, 0], ((ids - 5_000).div(200, rounding_mode="floor") + 1).clamp_min(0).float())
            index.save(tmp_path / "a")
            assert DCI.load(tmp_path / "a").following % 200 == 0
        changing.result()


def test_threads_that_add_the_first_points_lose_none() -> None:
    for _ in range(20):
        index = DCI(4)
        with ThreadPoolExecutor(4) as pool:
            ids = torch.cat(list(pool.map(index.add, normal(200, 4).split(50))))
        assert sorted(ids.tolist()) == list(range(200))
        assert len(index) == 200


def parts(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Of an index that save wrote here."""
    index = DCI(6, simple=3, seed=1)
    index.remove(index.add(normal(50, 6))[10:20])
    index.save(path)
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata()  # noqa: SIM118


def changed(tensors: dict[str, torch.Tensor], field: str, change: Any) -> dict[str, torch.Tensor]:
    return tensors | {field: change(tensors[field])}


def put(values: torch.Tensor, where: int, value: float) -> torch.Tensor:
    copy = values.clone()
    copy.view(-1)[where] = value
    return copy


CRAFTED = {
    "points of another width": ("points", lambda x: x[:, :5].contiguous()),
    "too few points": ("ids", lambda x: torch.cat([x, x[-1:] + 1])),
    "points in one row": ("points", torch.flatten),
    "points of float64": ("points", torch.Tensor.double),
    "points of bfloat16": ("points", torch.Tensor.bfloat16),
    "NaN among the points": ("points", lambda x: put(x, 7, torch.nan)),
    "infinity among the points": ("points", lambda x: put(x, 7, torch.inf)),
    "ids of int32": ("ids", torch.Tensor.int),
    "ids in columns": ("ids", lambda x: x[:, None]),
    "an id twice": ("ids", lambda x: put(x, 3, 2)),
    "ids in disorder": ("ids", lambda x: x.flip(0)),
    "ids below 0": ("ids", lambda x: x - 5),
    "a next id that was given": ("next", lambda x: x - 1),
    "a next id without end": ("next", lambda x: torch.tensor(2**63 - 1)),
    "several next ids": ("next", lambda x: torch.stack([x, x])),
    "directions too few": ("matrix", lambda x: x[:-1].contiguous()),
    "directions of another width": ("matrix", lambda x: torch.cat([x, x], 1)),
    "NaN among the directions": ("matrix", lambda x: put(x, 0, torch.nan)),
    "an origin of another width": ("origin", lambda x: x[:-1].contiguous()),
    "an infinite origin": ("origin", lambda x: put(x, 0, torch.inf)),
    "a scale that is no power of two": ("scale", lambda x: x * 3),
    "a scale of 0": ("scale", lambda x: x * 0),
    "a scale too many": ("scale", lambda x: torch.stack([x, x])),
    "a plan below 0": ("children", lambda x: x - 1),
    "a plan too many": ("children", lambda x: torch.stack([x, x])),
}


@pytest.mark.parametrize(("field", "change"), CRAFTED.values(), ids=CRAFTED.keys())
def test_a_field_that_cannot_be_is_named(tmp_path: Path, field: str, change: Any) -> None:
    tensors, metadata = parts(tmp_path / "a")
    crafted = changed(tensors, field, change)
    hashable = {key: value for key, value in crafted.items() if value.dtype != torch.bfloat16}
    save_file(crafted, tmp_path / "a", metadata | {"hash": tensors_hash(hashable)})
    with pytest.raises(UserError, match="a is no index that can be used: its field '") as caught:
        DCI.load(tmp_path / "a")
    assert "\n" not in str(caught.value)
    assert f"'{field}'" in str(caught.value)


@pytest.mark.parametrize("field", ["points", "ids", "next", "matrix", "origin"])
def test_a_field_that_is_missing_is_named(tmp_path: Path, field: str) -> None:
    tensors, metadata = parts(tmp_path / "a")
    del tensors[field]
    save_file(tensors, tmp_path / "a", metadata | {"hash": tensors_hash(tensors)})
    with pytest.raises(UserError, match=f"'{field}' is missing|'(ids|points)' has shape"):
        DCI.load(tmp_path / "a")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("dim", "0"),
        ("dim", "-1"),
        ("dim", "six"),
        ("dim", "\u0663"),
        ("simple", "9" * 40),
        ("composite", "1.5"),
        ("seed", "-1"),
        ("order", "best"),
        ("levels", "0"),
        ("kind", ""),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, field: str, text: str) -> None:
    tensors, metadata = parts(tmp_path / "a")
    save_file(tensors, tmp_path / "a", metadata | {field: text})
    with pytest.raises(UserError, match=f"its field '{field}' is not"):
        DCI.load(tmp_path / "a")


def test_a_tensor_that_no_index_has_is_named(tmp_path: Path) -> None:
    tensors, metadata = parts(tmp_path / "a")
    tensors["more"] = torch.zeros(3)
    save_file(tensors, tmp_path / "a", metadata | {"hash": tensors_hash(tensors)})
    with pytest.raises(UserError, match="'more'"):
        DCI.load(tmp_path / "a")


def test_random_damage_is_refused_or_harmless(tmp_path: Path) -> None:
    parts(tmp_path / "a")
    whole, expected = (tmp_path / "a").read_bytes(), DCI.load(tmp_path / "a").query(normal(5, 6), 3)
    rng = random.Random(0)
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3, 20])):
            damaged[rng.randrange(len(whole))] = rng.randrange(256)
        (tmp_path / "a").write_bytes(damaged[: rng.choice([len(whole), len(whole), rng.randrange(len(whole))])])
        try:
            found = DCI.load(tmp_path / "a").query(normal(5, 6), 3)
        except UserError:
            continue
        assert same(found, expected)


class TestFiles:
    def saved(self, path: Path, order: str = "l2") -> DCI:
        index = DCI(12, simple=4, order=order, seed=3)
        ids = index.add(normal(2_500, 12))
        index.remove(ids[100:1_700:3])
        index.save(path)
        return index

    @pytest.mark.parametrize("order", ORDERS)
    def test_a_loaded_index_answers_and_goes_on_as_the_saved_one(self, tmp_path: Path, order: str) -> None:
        index = self.saved(tmp_path / "a", order)
        loaded, queries = DCI.load(tmp_path / "a"), normal(30, 12, seed=1)
        assert same(loaded.query(queries, 4), index.query(queries, 4))
        assert torch.equal(loaded.add(queries), index.add(queries))
        assert same(loaded.query(queries, 4), index.query(queries, 4))

    def test_an_empty_index_too(self, tmp_path: Path) -> None:
        index = DCI(3, directions="random")
        index.save(tmp_path / "a")
        loaded = DCI.load(tmp_path / "a")
        assert (len(loaded), loaded.kind, loaded.directions) == (0, "random", None)
        emptied = self.saved(tmp_path / "b")
        emptied.clear()
        emptied.save(tmp_path / "b")
        assert DCI.load(tmp_path / "b").add(normal(1, 12)).tolist() == [2_500]

    def test_a_truncated_file_says_so(self, tmp_path: Path) -> None:
        self.saved(tmp_path / "a")
        whole = (tmp_path / "a").read_bytes()
        for length in (0, 5, 300, len(whole) - 1):
            (tmp_path / "a").write_bytes(whole[:length])
            with pytest.raises(UserError, match="truncated"):
                DCI.load(tmp_path / "a")
        with pytest.raises(UserError, match="missing"):
            DCI.load(tmp_path / "none")

    def test_an_altered_file_says_so(self, tmp_path: Path) -> None:
        self.saved(tmp_path / "a")
        whole = bytearray((tmp_path / "a").read_bytes())
        whole[-9] ^= 1
        (tmp_path / "a").write_bytes(whole)
        with pytest.raises(UserError, match="altered"):
            DCI.load(tmp_path / "a")

    def test_another_safetensors_file_says_so(self, tmp_path: Path) -> None:
        save_file({"points": torch.zeros(1)}, tmp_path / "a")
        with pytest.raises(UserError, match="no index"):
            DCI.load(tmp_path / "a")
