"""Labels and pairs of labels: what is lost is named, what is not is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import binomtest
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge

from allmodes.auditing import Label, audit
from allmodes.auditing.labeller import PENALTIES, Basis, Labeller
from allmodes.auditing.labels import best_told, compare_labels
from allmodes.auditing.prevalence import prevalence
from allmodes.auditing.tables import read_table
from allmodes.core.errors import UserError


def people(n: int, seed: int, *, without: tuple[int, int] | None = None) -> tuple[torch.Tensor, np.ndarray]:
    """Points with two attributes, each seen in two directions of its own."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, (3 * n, 2))
    if without is not None:
        kinds = kinds[(kinds != np.array(without)).any(1)]
    kinds = kinds[:n]
    angle = 2 * np.pi * kinds / 3
    points = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 0.3, (n, 4))
    return torch.from_numpy(points).float(), kinds


def compared(seed: int, *, n: int = 1_000, without: tuple[int, int] | None = None) -> tuple[Label, ...]:
    real, kinds = people(n, seed)
    fake, _ = people(n, seed + 10_000, without=without)
    half = torch.from_numpy(np.random.default_rng(seed).permutation(n)[: n // 2])
    table = read_table({"hair": kinds[:, 0], "smile": kinds[:, 1]}, n)
    return compare_labels(real, fake, half, table=table, fraction=0.5)


def test_a_lost_pair_is_named_and_its_labels_are_not() -> None:
    found = compared(0, without=(1, 2))
    assert [label.value for label in found if label.dropped] == [{"hair": "1", "smile": "2"}]
    assert len(found) == 3 + 3 + 9
    assert found[0].dropped
    assert found[0].ratio < 0.2


def test_equal_laws_raise_few_alarms() -> None:
    assert sum(any(label.q_value <= 0.05 for label in compared(seed, n=200)) for seed in range(40)) <= 5


def kinds(n: int, shares: list[float], rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray]:
    """Gaussians that overlap: of the neighbours' examples one in six is nearer to the other's mean."""
    which = rng.choice(len(shares), n, p=shares)
    points = rng.normal(size=(n, 4))
    points[:, 0] += 2 * which
    return torch.from_numpy(points).float(), which


def looked(seed: int, ours: list[float], theirs: list[float], n: int = 600) -> dict[int, Label]:
    rng = np.random.default_rng(seed)
    real, which = kinds(n, ours, rng)
    fake, _ = kinds(n, theirs, rng)
    voting = torch.from_numpy(rng.permutation(n)[: n // 3])
    found = compare_labels(real, fake, voting, table=read_table(which, n), fraction=0.5)
    return {int(label.value["label"]): label for label in found}


def test_a_class_that_is_lost_reads_nothing_though_others_are_taken_for_it() -> None:
    found = looked(0, [0.3, 0.3, 0.4], [0.45, 0, 0.55])
    assert found[1].n_fake > 0.25 * found[1].expected_fake  # taken for it
    assert found[1].samples_share.estimate < 0.03
    assert found[1].samples_share.ci95[0] == 0
    assert [kind for kind, label in found.items() if label.dropped] == [1]
    assert sum(label.samples_share.estimate for label in found.values()) == pytest.approx(1, abs=0.03)


def test_intervals_hold_the_true_share_in_nine_of_ten_draws_or_more() -> None:
    theirs = [0.02, 0.38, 0.6]
    held = [
        [low <= theirs[kind] <= high for kind, label in found.items() for low, high in [label.samples_share.ci95]]
        for found in (looked(seed, [0.25, 0.35, 0.4], theirs, 450) for seed in range(25))
    ]
    assert np.mean(held) >= 0.9


def test_a_label_that_samples_may_have_as_often_as_the_data_is_not_called_dropped() -> None:
    """Kinds that hardly differ: the test is sure for one, and its interval reaches from 0 to twice its share."""
    wide = 0
    for seed in (5, 8, 22):
        rng, sides = np.random.default_rng(seed), []
        for shares in ([0.25] * 4, [0.32, 0.04, 0.32, 0.32]):
            which = rng.choice(4, 300, p=shares)
            points = rng.normal(size=(300, 4))
            points[:, 0] += 1.2 * which
            sides.append((torch.from_numpy(points).float(), which))
        (real, which), (fake, _) = sides
        table, voting = read_table(which, 300), torch.from_numpy(rng.permutation(300)[:100])
        for label in compare_labels(real, fake, voting, table=table, fraction=0.5):
            reaches = label.samples_share is not None and label.samples_share.ci95[1] >= label.data_share
            assert not (label.dropped and reaches)
            wide += reaches and label.q_value <= 0.05 and label.kept < 0.5
    assert wide == 3


def test_without_mistakes_the_interval_is_wilsons() -> None:
    rng = np.random.default_rng(0)
    known, drawn = rng.integers(0, 2, 400), (np.arange(300) < 12).astype(int)
    one_hot = np.eye(2)
    _, second = prevalence(one_hot[known], known, one_hot[drawn])
    expected = binomtest(12, 300).proportion_ci(0.95, method="wilson")
    assert second.estimate == pytest.approx(12 / 300)
    assert second.ci95 == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("blur", "wide"), [(0.0, False), (0.5, True), (0.8, True), (1.2, True)])
def test_kinds_that_look_otherwise_among_samples_are_not_called_dropped(blur: float, wide: bool) -> None:
    """Blurred digits of all kinds: who takes a 1 for an 8 then must not say that a tenth of it is left."""
    known, order = load_digits(), np.random.default_rng(0).permutation(1797)
    ours, theirs = order[:900], order[900:]
    blurred = gaussian_filter(known.images[theirs], (0, blur, blur)) if blur else known.images[theirs]
    real, fake = (torch.from_numpy(side.reshape(-1, 64)).float() for side in (known.images[ours], blurred))
    table = read_table(known.target[ours], 900)
    found = compare_labels(real, fake, torch.arange(300), table=table, fraction=0.5)
    truth = np.bincount(known.target[theirs]) / len(theirs)
    for label in found:
        low, high = label.samples_share.ci95
        assert low <= truth[int(label.value["label"])] <= high
        assert (label.samples_share.widened > 1.5) == wide
        assert not label.dropped


def test_classes_that_look_alike_on_both_sides_seldom_widen_an_interval() -> None:
    """At a level of 1%, more than 5 of 100 come in less than one case of a thousand."""
    widened = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        which, theirs = rng.integers(0, 3, 300), rng.choice(3, 200, p=[0.7, 0.3, 0])
        known, drawn = (
            np.eye(5)[kind] + rng.normal(0, 0.4 + 0.3 * kind[:, None], (len(kind), 5)) for kind in (which, theirs)
        )
        widened += prevalence(known, which, drawn)[0].widened > 1
    assert widened <= 5


def test_scores_that_do_not_tell_classes_apart_give_no_share() -> None:
    classes = np.arange(40) % 2
    assert prevalence(np.full((40, 2), 0.5), classes, np.full((30, 2), 0.5)) is None


def test_what_the_classifier_says_of_left_out_examples_is_what_it_says_without_them() -> None:
    points, which = kinds(60, [0.5, 0.5], np.random.default_rng(0))
    whole = Labeller.learnt(Basis.of(points), which, 2)
    apart = torch.cdist(points, whole.basis.landmarks).square() / whole.basis.width**2 / 2
    kernel, borne = torch.exp(-apart).double().numpy(), np.eye(2)[which]
    penalty = min(PENALTIES, key=lambda each: np.abs(ridge(kernel, borne, each) - whole.left_out).max())
    np.testing.assert_allclose(ridge(kernel, borne, penalty), whole.left_out, atol=1e-3)


def ridge(kernel: np.ndarray, borne: np.ndarray, penalty: float) -> np.ndarray:
    """Each example's scores by scikit-learn, from all others: landmarks stay, as they bear no labels."""
    values, vectors = np.linalg.eigh(kernel)
    mapped = kernel @ vectors[:, values > 1e-6 * values[-1]] / np.sqrt(values[values > 1e-6 * values[-1]])
    said = []
    for row in range(len(borne)):
        others = np.arange(len(borne)) != row
        said.append(Ridge(penalty).fit(mapped[others], borne[others]).predict(mapped[row : row + 1])[0])
    return np.array(said)


def test_a_label_that_is_noise_cannot_be_told_and_is_not_tested() -> None:
    told = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        real, fake = (torch.from_numpy(rng.normal(size=(200, 4))).float() for _ in range(2))
        table = read_table(rng.integers(0, 3, 200), 200)
        found = compare_labels(real, fake, torch.arange(60), table=table, fraction=0.5)
        told += any(label.told for label in found)
        assert all((label.samples_share is None) == (not label.told) for label in found)
        assert all(label.q_value == 1 and label.ratio is None for label in found if not label.told)
    assert told <= 5  # 2 are expected at the level of 5%, more than 5 in 1% of cases


def test_labels_keep_their_level() -> None:
    """At a level of 5%, more than 5 of 40 come in 1% of cases."""
    shares = [0.2, 0.3, 0.5]
    assert sum(any(e.q_value <= 0.05 for e in looked(s, shares, shares, 240).values()) for s in range(40)) <= 5


def test_a_label_is_looked_at_in_the_view_that_tells_it_best() -> None:
    """Hair is seen in one view and a smile in the other; what is no view's cannot be told."""
    points, attributes = people(900, 0)
    fake, _ = people(900, 1, without=(1, 2))
    noise = np.random.default_rng(2).integers(0, 2, 900)
    table = read_table({"hair": attributes[:, 0], "smile": attributes[:, 1], "noise": noise}, 900)
    voting, columns = torch.randperm(900, generator=torch.Generator().manual_seed(0))[:300], ([0, 2], [1, 3])
    both = best_told(
        [compare_labels(points[:, seen], fake[:, seen], voting, table=table, fraction=0.5, views=2) for seen in columns]
    )
    singles = [{next(iter(e.value)) for e in some if len(e.value) == 1 and e.told} for some in both]
    assert singles == [{"hair"}, {"smile"}]
    assert not any(label.told for some in both for label in some if "noise" in label.value)
    assert len({tuple(e.value.items()) for some in both for e in some}) == sum(map(len, both)) == 8 + 9 + 6 + 6


def test_of_noise_no_label_is_told_and_no_word_sets_what_is_missing_apart() -> None:
    """All digits are missing alike: none is missing above all, and none is a share of the noise."""
    known = load_digits()
    images = (known.images[:600] * 15.9).astype(np.uint8)[..., None]
    noise = np.random.default_rng(0).integers(0, 256, images.shape).astype(np.uint8)
    found = audit(images, noise, labels=known.target[:600], distance="pixels", metrics=())
    assert found.dropped_mass.ci95[0] > 0.9
    assert found.dropped
    assert len(found.labels) == 10
    assert all(not e.told and e.samples_share is None and not e.dropped and e.q_value == 1 for e in found.labels)
    assert not any(found.traits)
    assert "above all" not in found.verdict()


def test_every_example_needs_a_label() -> None:
    with pytest.raises(UserError, match="3 labels for 4"):
        read_table([1, 2, 3], 4)


def test_a_file_of_too_few_labels_is_named_and_no_npy_has_a_heading(tmp_path: Path) -> None:
    np.save(tmp_path / "kinds.npy", np.arange(3))
    with pytest.raises(UserError, match="3 labels in .*kinds.npy for 4 real examples: give one for each") as refused:
        read_table(tmp_path / "kinds.npy", 4)
    assert ".csv" not in str(refused.value)


def test_numbers_that_name_single_examples_are_no_labels() -> None:
    with pytest.raises(UserError, match="'age' has 30 different labels for 40"):
        read_table({"age": [*range(30), *range(10)]}, 40)
    assert read_table({"age": [*range(20), *range(20)]}, 40)


def test_a_csv_names_files_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("file,hair,smile\nb.png,red,yes\na.png,grey,no\nz.png,none,no\n")
    table = read_table(tmp_path / "people.csv", 2, files=("a.png", "b.png"))
    assert table == {"hair": ["grey", "red"], "smile": ["no", "yes"]}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("file,hair\nb.png,red\n", "a.png has none"),
        ("hair,smile\nred\ngrey,yes\n", "Line 2 of the labels in .* has 1 cells and the heading 2"),
        ("hair\nred\n", "1 labels in .*people.csv for 2"),
        ("red\ngrey\n", "1 labels in .*people.csv for 2 real examples: .* The first line of a .csv is its heading"),
        ("hair,smile\nred,yes,no\ngrey,yes\n", "Line 2 .* has 3 cells and the heading 2: .* holds a comma in quotes"),
        (
            "file,hair\na.png,red\na.png,grey\nb.png,red\n",
            r"files more than once \(a.png\): keep one line",
        ),
        ("hair,hair\nred,grey\nred,red\n", "name 2 columns 'hair': give each column a name of its own"),
        ("hair,\nred,grey\nred,red\n", "leave a column without a name"),
        ("hair,smile\nred,yes\n ,no\n", "'hair' has no label for 1 examples, the first of them in row 1"),
        ("hair\nred\nNaN\n", "'hair' has no label for 1 examples, the first of them in row 1"),
        ("file\na.png\nb.png\n", "name no attribute"),
        ('hair\n"red\ngrey\n', "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_broken_csv_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(UserError, match=what):
        read_table(tmp_path / "people.csv", 2, files=("a.png", "b.png"))


TRUTH = {"hair": ["grey", "red, or brown"], "smile": ["no", "yes"]}


@pytest.mark.parametrize(
    "text",
    [
        'file,hair,smile\nb.png,"red, or brown",yes\na.png,grey,no\n',
        "file;hair;smile\nb.png;red, or brown;yes\na.png;grey;no\n",
        "file\thair\tsmile\nb.png\tred, or brown\tyes\na.png\tgrey\tno\n",
        '\n  file , hair , smile\n\nb.png, "red, or brown",yes \n , ,\n a.png,grey,no\n\n\n',
        '\ufefffile,hair,smile\r\nb.png,"red, or brown",yes\r\na.png,grey,no\r\n',
        'hair,smile\ngrey,no\n"red, or brown",yes\n',
    ],
    ids=["commas", "semicolons", "tabs", "blanks", "windows", "in-order"],
)
def test_a_csv_is_read_as_a_person_would(tmp_path: Path, text: str) -> None:
    (tmp_path / "people.csv").write_bytes(text.encode())
    assert read_table(tmp_path / "people.csv", 2, files=("a.png", "b.png")) == TRUTH


def test_a_csv_in_another_encoding_is_said(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("hair\nrötlich\n".encode("latin-1"))
    with pytest.raises(UserError, match="it is not UTF-8; save it as 'CSV UTF-8'"):
        read_table(tmp_path / "people.csv", 1)


def test_a_column_of_file_names_is_recognised() -> None:
    files = [f"{number}.png" for number in range(30)]
    with pytest.raises(UserError, match="'name' has 30 different labels .* Call it 'file' if it names the files."):
        read_table({"name": files, "hair": ["red"] * 30}, 30, files=files)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([1.0, np.nan]), "'label' has no label for 1 examples, the first of them in row 1"),
        ([None, "red"], "'label' has no label for 1 examples, the first of them in row 0"),
        (["", "red"], "'label' has no label for 1"),
        (np.zeros((2, 1)), "'label' are no list: give one label for every example, in one dimension"),
        (torch.eye(2), "'label' are no list"),
        (torch.tensor(3), "'label' are no list"),
        (7, "'label' are no list"),
        ({}, "name no attribute"),
    ],
)
def test_labels_that_are_none_are_refused(labels: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_table(labels, 2)


@pytest.mark.parametrize("labels", [np.array([2, 1], ">i4"), np.array(["2", "1"]), np.array([b"2", b"1"]), [2, 1]])
def test_labels_in_any_form_are_the_same_words(labels: object, tmp_path: Path) -> None:
    assert read_table(labels, 2) == {"label": ["2", "1"]}
    np.save(tmp_path / "labels.npy", labels)
    assert read_table(tmp_path / "labels.npy", 2) == {"label": ["2", "1"]}


def test_no_damage_of_a_file_is_more_than_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "labels.npy"
    np.save(file, np.array(["red", "grey"]))
    content, said = file.read_bytes(), 0
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            read_table(file, 2)
        except UserError:
            said += 1
    assert said > len(content) // 2


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.txt").write_text("red\ngrey\n")
    with pytest.raises(UserError, match="neither a .npy nor a .csv"):
        read_table(tmp_path / "people.txt", 2)
