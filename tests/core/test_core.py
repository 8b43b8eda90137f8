"""Seeding, discovery, atomic files, configuration."""

from __future__ import annotations

import socket
import urllib.request

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from allmodes.core import files
from allmodes.core.configuration import resolve_part
from allmodes.core.discovery import entries, find
from allmodes.core.errors import UserError
from allmodes.core.seeding import derive_seed, stream
from allmodes.data.base import Dataset
from allmodes.matching.base import Matcher
from allmodes.objectives.base import Objective


@given(st.integers(), st.text(), st.integers(0, 2**60))
def test_streams_depend_on_every_name_and_on_nothing_else(seed, name, step):
    torch.manual_seed(step)
    first = torch.rand(2, generator=stream(seed, name, step))
    assert torch.equal(first, torch.rand(2, generator=stream(seed, name, step)))
    assert derive_seed(seed, name, step) != derive_seed(seed, name, step + 1) != derive_seed(seed + 1, name, step)


def test_methods_are_found_by_name():
    assert {"gan", "imle", "imle-gan"} <= set(entries("allmodes.objectives", Objective))
    with pytest.raises(UserError, match="'imlegan' is no objective. Did you mean 'imle-gan'"):
        find("allmodes.objectives", Objective, "imlegan")


def test_a_dotted_path_is_no_name():
    with pytest.raises(UserError, match="is no"):
        find("allmodes.objectives", Objective, "os.system")


def test_atomic_leaves_the_old_file_when_writing_fails(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"a": 1})

    def fail_half_way() -> None:
        with files.atomic(path) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert files.read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_is_one_sentence(tmp_path):
    with (
        pytest.raises(UserError, match=r"Cannot write .*a.bin: No space left"),
        files.atomic(tmp_path / "a.bin"),
    ):
        raise OSError(28, "No space left on device")


def test_parts_are_completed_and_checked():
    def resolve(part):
        return resolve_part("allmodes.matching", Matcher, part, frozenset(), "matching")

    assert resolve({"name": "nearest", "pool": 5})["refresh"] == 50
    with pytest.raises(UserError, match=r"Unknown key 'matching.pol'. Did you mean 'pool'"):
        resolve({"name": "nearest", "pol": 5})
    with pytest.raises(UserError, match=r"'matching.pool' is 'many', but must be of type int"):
        resolve({"name": "nearest", "pool": "many"})
    with pytest.raises(UserError, match=r"'matching.within' is 'pairs', but must be one of whole, pair, part."):
        resolve({"name": "nearest", "within": "pairs"})
    with pytest.raises(UserError, match="needs a name"):
        resolve({"pool": 5})


@pytest.mark.parametrize(
    ("package", "base", "part", "wanted"),
    [
        ("objectives", Objective, {"name": "chimle", "pools": 4}, "a list such as [2, 1]."),
        ("data", Dataset, {"name": "pairs", "palette": 4}, "auto or a list such as ['a', 'b'] or null."),
        ("data", Dataset, {"name": "noto-faces", "size": "many"}, "of type int."),
    ],
)
def test_what_a_field_takes_is_said_in_words_of_a_recipe(package, base, part, wanted):
    field = next(key for key in part if key != "name")
    given = frozenset({"inputs", "targets", "generator", "prior", "distance"})
    with pytest.raises(UserError) as caught:
        resolve_part(f"allmodes.{package}", base, part, given, "x")
    assert str(caught.value) == f"'x.{field}' is {part[field]!r}, but must be {wanted}"


def test_an_argument_is_checked_by_itself_beside_one_that_is_required(tmp_path):
    given = {"name": "images", "path": tmp_path, "size": 32}
    assert resolve_part("allmodes.data", Dataset, given, frozenset(), "data")["size"] == 32
    with pytest.raises(UserError, match=r"'data.path' is missing"):
        resolve_part("allmodes.data", Dataset, {"name": "images", "size": 32}, frozenset(), "data")


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1"])
def test_no_test_reaches_the_network(host):
    with pytest.raises(pytest.fail.Exception, match="a test reaches for"):
        urllib.request.urlopen(f"http://{host}/", timeout=1)
    with pytest.raises(pytest.fail.Exception, match="a test reaches for"):
        socket.create_connection((host, 443), timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        pass
