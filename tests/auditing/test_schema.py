"""Every audit is what the published schema says, by a validator of others, and the schema allows nothing else."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator, ValidationError

from allmodes.auditing import Examples, Findings, audit
from allmodes.cli import main

Document = dict[str, Any]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["audit", "--schema"]) == 0
    schema = json.loads(printed.getvalue())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def images(n: int, seed: int, *, dark: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Noise on grey of any strength, and which of it is dark."""
    rng = np.random.default_rng(seed)
    light = rng.uniform(0 if dark else 1 / 3, 1, n)
    return (40 + 150 * light[:, None, None] + rng.normal(0, 4, (n, 8, 8))).clip(0, 255).astype(np.uint8), light < 1 / 3


def one_view_of_features() -> Findings:
    rng = np.random.default_rng(0)
    return audit(rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(60, 3)).astype(np.float32))


def several_views_with_labels() -> Findings:
    """Half of the labels can be told; the dark are lost, and set apart."""
    real, dark = images(400, 0)
    labels = {"light": dark, "coin": np.random.default_rng(1).integers(0, 2, 400)}
    return audit(real, images(400, 1, dark=False)[0], labels=labels, metrics=("ndb", "kernel_distance"))


def pairs() -> Findings:
    real, _ = images(80, 0)
    given = torch.from_numpy(real[:, ::4, ::4].astype(np.float32)[:, None] / 127.5 - 1)
    return audit(real, images(80, 1)[0], inputs=given, metrics=())


def too_small_to_tell() -> Findings:
    return audit(images(20, 0)[0], images(20, 1)[0], labels=np.arange(20) % 2)


def all_alike() -> Findings:
    return audit(np.ones((40, 2), np.float32), np.ones((40, 2), np.float32), metrics=("precision", "vendi"))


def named_files() -> Findings:
    pictures = images(40, 0)[0][:, None]
    data = Examples.of(torch.from_numpy(pictures).float() / 127.5 - 1)
    return audit(replace(data, files=tuple(f"{i}.png" for i in range(40))), images(40, 1)[0], metrics=())


KINDS: tuple[Callable[[], Findings], ...] = (
    one_view_of_features,
    several_views_with_labels,
    pairs,
    too_small_to_tell,
    all_alike,
    named_files,
)


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return {kind.__name__: json.loads(json.dumps(kind().document(), allow_nan=False)) for kind in KINDS}


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_an_audit_is_as_the_schema_says(
    kind: str, documents: dict[str, Document], validator: Draft202012Validator
) -> None:
    validator.validate(documents[kind])


def test_they_show_all_that_there_is_to_describe(documents: dict[str, Document]) -> None:
    """Else a part of the schema would be held against nothing."""
    told, small = documents["several_views_with_labels"], documents["too_small_to_tell"]
    assert told["traits"]
    assert told["parts"]
    assert told["answer"]["collapse"] == "yes"
    assert {label["told"] for label in told["labels"]} == {True, False}
    assert {len(label["value"]) for label in told["labels"]} == {1, 2}
    assert small["answer"]["collapse"] == "cannot be told"
    assert documents["all_alike"]["answer"]["seen"]["share"] is None
    assert documents["named_files"]["examples"][0]["file"].endswith(".png")
    assert "of pairs" in documents["pairs"]["distance"]["name"]


def objects(found: Any) -> Iterator[Document]:
    """Every mapping in a document, but those whose keys are names of metrics or labels."""
    for key, value in found.items() if isinstance(found, dict) else enumerate(found):
        if isinstance(value, dict) and key not in {"summary", "label_counts", "typical", "value"}:
            yield value
        if isinstance(value, dict | list) and key != "members":
            yield from objects(value)


def test_a_key_that_is_missing_renamed_or_new_is_noticed_wherever_it_is(
    documents: dict[str, Document], validator: Draft202012Validator
) -> None:
    document = copy.deepcopy(documents["several_views_with_labels"])
    for key in ("regions", "labels", "examples", "views", "parts"):
        document = {**document, key: document[key][:1]}
    document["regions"][0]["members"] = [0, 1]
    validator.validate(document)
    metrics = [score["certificate"] for score in document["summary"].values()]
    for place in (document, *objects(document)):
        if any(place is certificate for certificate in metrics):
            continue  # each metric has its own
        for key in (*place, "news"):
            if key == "label_counts":
                continue  # absent without labels
            before = dict(place)
            value = place.pop(key, 0)
            if key == "news":
                place[key] = 0
            assert not validator.is_valid(document), f"without {key}, or with it new"
            place.clear()
            place.update({(f"{name}_" if name == key else name): each for name, each in before.items()})
            assert validator.is_valid(document) == (key == "news"), f"with {key} renamed, {value}"
            place.clear()
            place.update(before)


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", 2), ("n_real", -1), ("alpha", 1.2), ("examples", None), ("verdict", 3), ("warnings", "none")],
)
def test_a_wrong_value_is_noticed(
    key: str, value: object, documents: dict[str, Document], validator: Draft202012Validator
) -> None:
    with pytest.raises(ValidationError):
        validator.validate({**documents["one_view_of_features"], key: value})


def test_every_key_is_described(validator: Draft202012Validator) -> None:
    schema = validator.schema

    def undescribed(part: Any, path: str) -> Iterator[str]:
        if not isinstance(part, dict):
            return
        for name, each in part.get("properties", {}).items():
            target = schema["$defs"].get(each.get("$ref", "").rsplit("/", 1)[-1], {})
            if "description" not in {*each, *target}:
                yield f"{path}.{name}"
            yield from undescribed(each, f"{path}.{name}")
        yield from undescribed(part.get("items"), f"{path}[]")

    assert [name for key, part in {"": schema, **schema["$defs"]}.items() for name in undescribed(part, key)] == []
