"""Some classes of a labelled set, in given shares: as many as there may be, renumbered in the order they are named."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_mnist_format import write_set

from allmodes.core.errors import UserError
from allmodes.data.choice import Choice, split
from allmodes.data.fashion_mnist import FashionMnist
from allmodes.data.mnist import Mnist


@given(
    there=st.lists(st.integers(1, 10_000), min_size=2, max_size=6),
    parts=st.lists(st.integers(1, 20), min_size=6, max_size=6),
)
def test_one_class_is_taken_whole_and_the_others_in_their_shares(there, parts):
    parts = parts[: len(there)]
    shares = [part / sum(parts) for part in parts]
    found = split(there, shares)
    whole = min(Fraction(count, part) for count, part in zip(there, parts, strict=True))  # exact
    for count, taken, part in zip(there, found, parts, strict=True):
        assert 1 <= taken <= count
        assert abs(taken - part * whole) <= max(Fraction(1, 2) + Fraction(1, 10**6), 1 - part * whole)
    assert any(taken == count for taken, count in zip(found, there, strict=True))


@pytest.mark.parametrize("cls", [Mnist, FashionMnist])
class TestOfAnIdxSet:
    def test_classes_are_renumbered_as_they_are_named(self, cls, tmp_path):
        every = cls(path=write_set(tmp_path / "set", 40))
        data = cls(path=tmp_path / "set", classes=[5, 3])
        expected = [place for place in range(40) if place % 10 in (3, 5)]
        assert torch.equal(data.images, every.images[expected])
        assert data.labels.tolist() == [1, 0] * 4  # a three comes first
        known = data.labelled()
        assert known.classes == 2
        assert known.test_labels.tolist() == [1, 0] * 4

    def test_shares_hold_of_training_and_test(self, cls, tmp_path):
        data = cls(path=write_set(tmp_path / "set", 100), classes=[3, 5], shares=[0.7, 0.3])
        assert torch.bincount(data.labels).tolist() == [10, 4]  # of ten each: 10 / 0.7 * 0.3 is 4.29
        assert torch.bincount(data.labelled().test_labels).tolist() == [10, 4]

    def test_all_classes_may_have_shares(self, cls, tmp_path):
        data = cls(path=write_set(tmp_path / "set", 100), shares=[0.55, *[0.05] * 9])
        assert torch.bincount(data.labels).tolist() == [10, *[1] * 9]

    def test_another_choice_is_another_set(self, cls, tmp_path):
        write_set(tmp_path / "set", 40)
        options = [{}, {"classes": [3, 5]}, {"classes": [5, 3]}, {"classes": [3, 5], "shares": [0.7, 0.3]}]
        assert len({cls(path=tmp_path / "set", **option).fingerprint for option in options}) == 4

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"classes": [3, 10]}, "'data.classes' names 10, but no example is of that class"),
            ({"classes": [3, 3]}, r"'data.classes' is \[3, 3\], but must be one label or more, none of them twice"),
            ({"classes": []}, r"'data.classes' is \[\]"),
            ({"classes": [-1]}, r"'data.classes' is \[-1\]"),
            ({"classes": [3, 5], "shares": [0.7, 0.2]}, "whose sum is 1"),
            ({"classes": [3, 5], "shares": [1.2, -0.2]}, "numbers above 0"),
            ({"classes": [3, 5], "shares": [float("nan"), 0.5]}, "numbers above 0"),
            ({"classes": [3, 5], "shares": [0.5, 0.3, 0.2]}, r"one number for each of \[3, 5\]"),
            ({"shares": [0.5, 0.5]}, r"one number for each of \[0, 1, 2, 3, 4, 5, 6, 7, 8, 9\]"),
        ],
    )
    def test_what_cannot_be_taken_is_refused(self, cls, options, message, tmp_path):
        write_set(tmp_path / "set", 40)
        with pytest.raises(UserError, match=message):
            cls(path=tmp_path / "set", **options)


def test_a_count_takes_turns_of_the_classes_that_are_named(tmp_path):
    data = Mnist(path=write_set(tmp_path / "mnist", 100), classes=[3, 5], count=8)
    assert torch.bincount(data.labels).tolist() == [4, 4]
    with pytest.raises(UserError, match="'data.count' takes as many of each class"):
        Mnist(path=tmp_path / "mnist", classes=[3, 5], shares=[0.7, 0.3], count=8)


def test_nothing_is_chosen_by_default():
    assert str(Choice()) == ""
