"""What every metric keeps: it refuses the same input in the same words, and takes the same figures in any form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from allmodes import metrics
from allmodes.core.records import Score

RNG = np.random.default_rng(0)
REAL, FAKE, HELD = RNG.normal(size=(60, 3)), RNG.normal(size=(50, 3)) * 0.8, RNG.normal(size=(40, 3))
SURE = RNG.dirichlet(np.ones(4), 30)
CLUSTERS = {"clusters": np.arange(1, 31) % 4, "labels": np.arange(2, 32) // 2 % 3}
COUNTS, LAW = RNG.integers(1, 40, (3, 3)), np.full((3, 3), 1 / 9)


@dataclass(frozen=True)
class Example:
    """Arrays that a metric takes, by the names of its arguments, and what else it needs.

    Args:
        features: ``(n, D)`` each.
        others: distances, counts, and so on.
        options: plain values.
        least: rows that each of the features needs.
    """

    features: Mapping[str, np.ndarray]
    others: Mapping[str, np.ndarray]
    options: Mapping[str, Any]
    least: int = 2

    def measured(self, metric: Callable[..., Any], **changed: Any) -> dict[str, Score]:
        """All scores by name."""
        found = metric(**{**self.features, **self.others, **self.options, **changed})
        if isinstance(found, np.ndarray):
            return {"counts": Score("counts", float(found.ravel()[0]))}
        scores = found.values() if isinstance(found, Mapping) else found if isinstance(found, tuple) else [found]
        return {score.name: score for score in scores}


def of(real: str, fake: str, least: int = 2, **options: Any) -> Example:
    return Example({real: REAL, fake: FAKE}, {}, options, least)


def values(**others: np.ndarray) -> Example:
    options = {"rare_class": others.pop("rare_class")} if "rare_class" in others else {}
    return Example({}, others, options)


EXAMPLES: Mapping[str, Example] = {
    "adjusted_rand": values(**CLUSTERS),
    "authenticity": Example({"train": REAL, "fake": FAKE, "heldout": HELD}, {}, {}),
    "clipped_density_coverage": of("real", "fake", k=3),
    "confidence": Example({"fake": SURE, "real": SURE[:20]}, {}, {}, 1),
    "copied_mass": Example({"train": REAL, "fake": FAKE, "heldout": HELD}, {}, {}),
    "covered": of("train", "fake"),
    "density_coverage": of("real", "fake", k=3),
    "diversity": Example({"fake": FAKE}, {"conditions": np.arange(50) % 5}, {}, 1),
    "frechet_distance": of("real", "fake"),
    "hungarian_accuracy": values(**CLUSTERS),
    "inversion_distance": values(distances=RNG.random(9), training=RNG.random(9)),
    "kernel_distance": of("real", "fake"),
    "largest_step": values(steps=RNG.random((4, 5))),
    "manifold_precision_recall": values(samples=RNG.random(9), examples=RNG.random(8)),
    "memorisation": Example({"train": REAL, "heldout": HELD, "fake": FAKE}, {}, {}),
    "mode_coverage": values(counts=COUNTS, law=LAW, confusion=np.eye(3) * 50),
    "mode_kl": values(counts=COUNTS, law=LAW),
    "ndb": of("real", "fake", bins=5),
    "normalised_mutual_information": values(**CLUSTERS),
    "planar_coverage": Example({"points": FAKE[:, :2], "modes": REAL[:5, :2]}, {}, {"sigma": 0.1}, 1),
    "prd_curve": of("real", "fake", bins=4, runs=2),
    "prdc": of("real", "fake", k=3),
    "precision_recall": of("real", "fake", k=3),
    "prior_gap": values(fresh=9 + RNG.random(5), assigned=5 + RNG.random(5), training=RNG.random(5)),
    "purity": values(**CLUSTERS),
    "rare_modes": values(counts=COUNTS, law=LAW, rare_class=1),  # type: ignore[arg-type]
    "reached": values(distances=RNG.random(9), training=RNG.random(9)),
    "support_size": of("real", "fake"),
    "unfold": values(counts=COUNTS, confusion=np.eye(3) * 50),
    "vendi": of("real", "fake"),
}
WITH_FEATURES = [(name, side) for name, example in EXAMPLES.items() for side in example.features]
WITH_OTHERS = [(name, side) for name, example in EXAMPLES.items() for side in example.others if side != "conditions"]


def refusal(name: str, side: str, rows: Any) -> str:
    with pytest.raises(ValueError) as error:  # noqa: PT011
        EXAMPLES[name].measured(getattr(metrics, name), **{side: rows})
    return str(error.value)


def test_every_metric_is_here() -> None:
    assert sorted(EXAMPLES) == sorted(metrics.__all__)


@pytest.mark.parametrize(("name", "side"), WITH_FEATURES)
def test_bad_features_are_refused_in_the_same_words(name: str, side: str) -> None:
    good = EXAMPLES[name].features[side]
    for value, word in ((np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")):
        bad = good.copy()
        bad[3, 1] = value
        assert refusal(name, side, bad) == f"{side}: row 3 has {word}; all numbers must be finite"
        assert (
            refusal(name, side, torch.from_numpy(bad).float())
            == f"{side}: row 3 has {word}; all numbers must be finite"
        )
    for shape in ((len(good),), (len(good), 0), (len(good), 2, 1)):
        assert refusal(name, side, np.zeros(shape)) == (
            f"{side}: need features (n, D) with D of at least 1, not an array of {shape}"
        )
    assert refusal(name, side, good[:0]).startswith(f"{side}: need at least ")
    assert refusal(name, side, good.astype(str)).startswith(f"{side}: need an array of real numbers")


@pytest.mark.parametrize(
    ("name", "side"), [pair for pair in WITH_FEATURES if pair[0] not in ("confidence", "diversity")]
)
def test_sides_of_unequal_dimension_are_refused(name: str, side: str) -> None:
    said = refusal(name, side, np.ones((60, 7)))
    assert f"{side}" in said
    assert "need features of equal D, not " in said


@pytest.mark.parametrize(("name", "side"), WITH_OTHERS)
def test_bad_values_are_refused_in_the_same_words(name: str, side: str) -> None:
    good = EXAMPLES[name].others[side].astype(np.float64)
    for value, word in ((np.nan, "NaN"), (np.inf, "infinity")):
        bad = good.copy()
        bad[1] = value
        assert refusal(name, side, bad).startswith(f"{side}: row 1 has {word}")
    assert refusal(name, side, -good).startswith(f"{side}: row 0 has a value below 0")
    assert refusal(name, side, good[:0]).startswith(f"{side}: need ")
    assert refusal(name, side, good[None]).partition(":")[0] in {*EXAMPLES[name].others, "distances and training"}


@pytest.mark.parametrize("k", [0, -1, 2.5])
@pytest.mark.parametrize("name", ["prdc", "precision_recall", "density_coverage", "clipped_density_coverage"])
def test_k_is_refused_in_the_same_words(name: str, k: Any) -> None:
    with pytest.raises(ValueError, match=f"^k must be a whole number of at least 1, not {k}$"):
        EXAMPLES[name].measured(getattr(metrics, name), k=k)
    with pytest.raises(ValueError, match="^real: need at least 61 examples for k = 60, not 60$"):
        EXAMPLES[name].measured(getattr(metrics, name), k=60)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("ndb", "bins"),
        ("prd_curve", "bins"),
        ("prd_curve", "runs"),
        ("memorisation", "cells"),
        ("mode_coverage", "minimum"),
    ],
)
def test_counts_are_whole_numbers(name: str, option: str) -> None:
    for value in (0, 1.5):
        with pytest.raises(ValueError, match=f"^{option} must be a whole number of at least 1, not {value}$"):
            EXAMPLES[name].measured(getattr(metrics, name), **{option: value})


@pytest.mark.parametrize("name", sorted({name for name, _ in WITH_FEATURES}))
def test_the_form_of_an_array_changes_nothing(name: str) -> None:
    """Float32 that holds the values, tensors, other strides, other byte order, half floats beside whole ones."""
    example = EXAMPLES[name]
    sides = {
        side: np.round(rows * 256) / 256 if name != "confidence" else rows for side, rows in example.features.items()
    }
    expected = {key: score.value for key, score in example.measured(getattr(metrics, name), **sides).items()}
    forms: list[Callable[[np.ndarray], Any]] = [
        np.asfortranarray,
        lambda rows: np.repeat(rows, 2, axis=0)[::2],
        lambda rows: rows.astype(">f8"),
        lambda rows: torch.from_numpy(rows).requires_grad_(),
        lambda rows: torch.from_numpy(rows.T.copy()).T,
        lambda rows: rows.tolist(),
    ]
    if name != "confidence":  # of 256ths below 8, 11 bits hold each
        forms += [lambda rows: rows.astype(np.float32), lambda rows: torch.from_numpy(rows).half()]
    for form in forms:
        found = example.measured(getattr(metrics, name), **{side: form(rows) for side, rows in sides.items()})
        assert {key: score.value for key, score in found.items()} == pytest.approx(expected, rel=1e-4), form


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_intervals_hold_the_value_and_scores_are_plain(name: str) -> None:
    for score in EXAMPLES[name].measured(getattr(metrics, name)).values():
        json.dumps(score.to_json())
        if score.ci95 is not None and score.name != "memorisation":
            assert score.ci95[0] <= score.value <= score.ci95[1]


DEGENERATE = {
    "constant": (np.full((60, 3), 2.0), np.full((50, 3), 3.0), np.full((40, 3), 2.5)),
    "equal": (np.ones((60, 3)), np.ones((50, 3)), np.ones((40, 3))),
    "repeated": (np.repeat(REAL[:6], 10, axis=0), np.repeat(FAKE[:5], 10, axis=0), np.repeat(HELD[:4], 10, axis=0)),
    "flat": tuple(rows * [1, 0, 0] + [0, 2, 3] for rows in (REAL, FAKE, HELD)),
    "wide": tuple(np.tile(rows, 40) for rows in (REAL, FAKE, HELD)),
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("kind", DEGENERATE)
@pytest.mark.parametrize("name", sorted({name for name, _ in WITH_FEATURES} - {"confidence", "planar_coverage"}))
def test_degenerate_sets_give_numbers(name: str, kind: str) -> None:
    """No NaN; and infinity only for the support of which no pair was seen."""
    sets = dict(zip(("real", "fake", "held"), DEGENERATE[kind], strict=True))
    words = {"real": "real", "train": "real", "fake": "fake", "heldout": "held"}
    example = EXAMPLES[name]
    for score in example.measured(getattr(metrics, name), **{s: sets[words[s]] for s in example.features}).values():
        for value in (score.value, *(score.ci95 or ())):
            assert np.isfinite(value) or score.name == "support_size"
            assert not np.isnan(value)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", sorted({name for name, _ in WITH_FEATURES} - {"diversity"}))
def test_the_fewest_rows_that_are_taken_give_numbers(name: str) -> None:
    example = EXAMPLES[name]
    few = {side: rows[: example.least] for side, rows in example.features.items()}
    short = {side: rows[: example.least - 1] for side, rows in example.features.items()}
    options = {"bins": 2} if "bins" in example.options else {"cells": 1} if name == "memorisation" else {}
    options |= {"k": 1} if "k" in example.options else {}
    for score in example.measured(getattr(metrics, name), **few, **options).values():
        assert not np.isnan(score.value)
        assert score.ci95 is None or not np.isnan(score.ci95).any()
        assert score.ci95 is None or score.ci95[0] < score.ci95[1]
    with pytest.raises(ValueError, match=r": need at least \d+ example"):
        example.measured(getattr(metrics, name), **short, **options)
