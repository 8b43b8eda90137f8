"""What the benchmark of the audit plants is what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from allmodes.bench import audit, laws, planted, seen
from allmodes.core.errors import UserError

N = 150


@pytest.fixture(scope="module")
def pool() -> planted.Pool:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), 200)
    images = rng.normal(40 + 35 * labels[:, None, None, None], 8, (1_000, 1, 6, 6)).clip(0, 255)
    return planted.Pool("squares", torch.from_numpy(images.astype(np.uint8)), labels)


def kinds(images: torch.Tensor) -> np.ndarray:
    return ((images.float().mean((1, 2, 3)) - 40) / 35).round().long().numpy()


def test_a_class_removed_is_nowhere_among_the_samples(pool: planted.Pool) -> None:
    made = planted.class_kept(0.0)(pool, N, np.random.default_rng(1))
    gone = set(kinds(pool.images[made.real])[made.lost])
    assert len(gone) == 1
    assert not gone & set(kinds(pool.images[made.fake]))
    assert made.dropped == pytest.approx(0.2)
    assert len(made.real) == len(made.fake) == N


def test_a_class_keeps_its_share(pool: planted.Pool) -> None:
    made = planted.class_kept(0.25)(pool, N, np.random.default_rng(1))
    share = np.isin(kinds(pool.images[made.fake]), kinds(pool.images[made.real])[made.lost]).mean()
    assert share == pytest.approx(0.05 / 0.85, abs=0.04)


@pytest.mark.parametrize("mass", [0.02, 0.2, 0.3])
def test_the_mass_removed_is_the_mass_said(pool: planted.Pool, mass: float) -> None:
    made = planted.part_removed(mass)(pool, 500, np.random.default_rng(2))
    assert made.dropped == pytest.approx(mass)
    assert made.lost.mean() == pytest.approx(mass, abs=0.05)


def test_copies_are_examples_of_the_data(pool: planted.Pool) -> None:
    made = planted.copied(0.1)(pool, N, np.random.default_rng(3))
    data = {image.numpy().tobytes() for image in pool.images[made.real]}
    assert sum(image.numpy().tobytes() in data for image in pool.images[made.fake]) == 15
    assert made.copied == 0.1


def test_a_pose_removed_is_in_the_data_alone(pool: planted.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the audit is given, picture by picture: the lost ones as they lie, all others as they stand."""
    rng = np.random.default_rng(0)
    faces = planted.Pool(
        "faces", torch.from_numpy(rng.integers(0, 255, (400, 1, 6, 6), dtype=np.uint8)), np.arange(400) % 4
    )
    made = planted.pose_removed(0.2)(faces, N, np.random.default_rng(3))
    assert made.dropped == 0.2
    assert made.lost.mean() == pytest.approx(0.2, abs=0.1)
    assert set(made.labels[made.lost]) == set(range(4))
    given = {}
    monkeypatch.setattr(seen, "audit_spaces", lambda data, samples, spaces, **_: given.update(space=spaces[0]))
    seen.Seen(faces, "pixels").audit(made, (), 0)
    sides, whole = given["space"].sides, faces.images.numpy() / 127.5 - 1
    lying = np.stack([np.rot90(picture[0])[None] for picture in whole])
    expected = np.where(made.lost[:, None, None, None], lying[made.real], whole[made.real])
    np.testing.assert_allclose(sides.real, expected.reshape(N, -1), atol=1e-6)
    np.testing.assert_allclose(sides.fake, whole[made.fake].reshape(N, -1), atol=1e-6)


@pytest.mark.parametrize("spoil", [planted.blurred, planted.noisy, planted.pale, planted.fewer])
def test_spoilt_samples_lack_nothing(pool: planted.Pool, spoil: planted.Plant) -> None:
    made = spoil(pool, N, np.random.default_rng(4))
    assert not made.lost.any()
    assert not set(made.real) & set(made.fake)
    assert len(made.fake) == (N // 4 if spoil is planted.fewer else N)
    assert made.dropped == (0.0 if spoil is planted.fewer else None)  # where spoilt samples lie, nobody knows


@pytest.mark.parametrize(("spoil", "spread"), [(planted.blur, 0.5), (planted.add_noise, 1.3)])
def test_spoilt_images_keep_their_mean_and_change_their_detail(
    pool: planted.Pool, spoil: planted.Spoil, spread: float
) -> None:
    images = spoil(pool.images)
    assert (images.dtype, images.shape) == (torch.uint8, pool.images.shape)
    assert (images.float().mean((1, 2, 3)) - pool.images.float().mean((1, 2, 3))).abs().mean() < 3
    ratio = (images.float().std((1, 2, 3)) / pool.images.float().std((1, 2, 3))).mean()
    assert (ratio > spread) == (spread > 1)
    assert torch.equal(spoil(pool.images), images)


def test_a_third_of_the_contrast_is_a_third_of_the_spread(pool: planted.Pool) -> None:
    faded = planted.fade(pool.images).float()
    assert float(faded.std() / pool.images.float().std()) == pytest.approx(1 / 3, abs=0.01)
    assert float(faded.mean() - 127.5) == pytest.approx(float(pool.images.float().mean() - 127.5) / 3, abs=0.5)


def test_thinning_is_what_it_says_it_is(pool: planted.Pool) -> None:
    """Of the pool itself, by counting: where less than half of the mean share is left, is what is lost."""
    whole = pool.images.flatten(1).float()
    far = (whole - whole.mean(0)).norm(dim=1).numpy()
    made = [planted.thinned(pool, 300, np.random.default_rng(seed)) for seed in range(30)]
    times = np.bincount(np.concatenate([each.fake for each in made]), minlength=len(far))
    lost = np.zeros(len(far), bool)
    for each in made:
        lost[each.real[each.lost]] = True
    assert lost.any()
    assert times[lost].mean() < 0.5 * times.mean() < times[~lost].mean()
    assert far[lost].min() > np.median(far)
    assert lost.mean() == pytest.approx(made[0].dropped, abs=0.03)


@pytest.mark.parametrize(("dim", "scale"), [(8, 0.85), (16, 0.8), (2, 0.5)])
def test_the_truth_of_smooth_losses_is_that_of_their_densities(dim: int, scale: float) -> None:
    drawn = laws.shrunk(dim, scale)(20_000, np.random.default_rng(0))
    ours, theirs = (multivariate_normal(np.zeros(dim), s**2 * np.eye(dim)).pdf(drawn.real) for s in (1, scale))
    assert np.mean(theirs < ours / 2) == pytest.approx(drawn.dropped, abs=0.01)


def test_laws_have_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laws, "EXAMPLES", 400)
    chosen = [(name, law) for name, law in laws.LAWS if name.startswith(("cubes, a fifth in common, d 8", "10% exact"))]
    edges, copies = laws.law_rows(2, lambda _: None, chosen)
    assert (edges["dropped"], edges["invented"], edges["bound holds"]) == (0.8, 0.8, 1)
    assert edges["estimate"] == pytest.approx(0.8, abs=0.1)
    assert copies["copied mass"] == pytest.approx(0.1, abs=0.03)
    for name, law in laws.LAWS:
        drawn = law(40, np.random.default_rng(0))
        assert drawn.real.shape == drawn.fake.shape, name


def test_features_of_a_pool_are_computed_once_and_rows_are_drawn(pool: planted.Pool) -> None:
    shown = audit.Seen(pool, "pixels")
    rows = np.array([5, 3, 999])
    whole = (pool.images.float() / 127.5 - 1).flatten(1)
    torch.testing.assert_close(shown.features(rows), [whole[rows]])
    blurred = (planted.blur(pool.images).float() / 127.5 - 1).flatten(1)
    torch.testing.assert_close(shown.features(rows, planted.blur), [blurred[rows]])
    before = shown._features[None]
    shown.features(np.array([1]))
    assert shown._features[None] is before


def test_the_tables_hold_every_case(pool: planted.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "pools", lambda names: iter([pool]))
    monkeypatch.setattr(audit, "EXAMPLES", N)
    monkeypatch.setattr(audit, "NULLS", {N: 5, 2 * N: 1})
    cases = (
        audit.Case("a class removed", planted.class_kept(0.0), N),
        audit.Case("a class removed", planted.class_kept(0.0), 2 * N),
    )
    monkeypatch.setattr(audit, "CASES", cases)
    plan = audit.Plan(audits=2, spaces=("pixels",), metrics=("recall", "vendi"))
    ours, others = audit.all_tables(plan, data="mnist", progress=lambda _: None)
    null, more, lost, larger = ours.rows
    assert (null["audits"], more["audits"], lost["audits"], larger["n"]) == (10, 2, 2, 2 * N)
    assert null["found"] <= 0.2
    assert lost["found"] == larger["found"] == 1
    assert lost["pure"] > 0.9
    assert lost["AUROC"] > 0.95
    (row,) = others.rows  # with a single null of the larger size, nothing can be said of it
    assert row["n"] == N
    assert row["Vendi score"] in (0, 0.5, 1)
    assert row["recall"] in (0, 0.5, 1)


def test_an_unknown_data_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="Did you mean 'mnist'"):
        audit.all_tables(audit.Plan(), data="mnistt", progress=lambda _: None)
    monkeypatch.setattr(audit, "pools", lambda names: iter(()))
    with pytest.raises(UserError, match="None of the data is here"):
        audit.all_tables(audit.Plan(), data="mnist", progress=lambda _: None)


@pytest.mark.parametrize("what", ["darkest", "reddest"])
def test_the_third_that_is_lost_has_no_samples_and_all_else_has(what: str) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (900, 3, 1, 1)).repeat(4, 2).repeat(4, 3)
    value = images[:, 0, 0, 0] - images[:, 2, 0, 0] if what == "reddest" else -images[:, :, 0, 0].sum(1)
    colours = planted.Pool("colours", torch.from_numpy(images.astype(np.uint8)), np.zeros(900, np.int64))
    made = getattr(planted, f"{what}_removed")(colours, 300, rng)
    edge = np.quantile(value, 2 / 3)
    assert (value[made.fake] < edge).all()
    np.testing.assert_array_equal(made.lost, value[made.real] >= edge)
    assert made.dropped == pytest.approx(1 / 3, abs=0.01)


def test_a_cast_takes_a_quarter_of_the_blue() -> None:
    images = torch.tensor([200, 100, 80], dtype=torch.uint8)[None, :, None, None]
    assert planted.tint(images).flatten().tolist() == [200, 100, 60]


def test_the_views_that_show_a_loss_stand_in_its_row(pool: planted.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "CASES", (audit.Case("a class removed", planted.class_kept(0.0), N),) * 2)
    monkeypatch.setattr(audit, "EXAMPLES", N)
    monkeypatch.setattr(audit, "NULLS", {N: 1})
    monkeypatch.setattr(audit, "pools", lambda names: iter([pool]))
    plan = audit.Plan(audits=2, metrics=(), images=2 * N)
    (ours, _) = audit.all_tables(plan, data="mnist", progress=lambda _: None)
    assert [row["planted"] for row in ours.rows] == ["nothing", "a class removed"]
    assert ours.rows[1]["features"] == "pixels, random-convolution"
    assert "pixels 1" in ours.rows[1]["shown in"]
