"""Metrics for few images: copies, images that samples show, images that a generator reaches, even walks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from allmodes.metrics import copied_mass, covered, inversion_distance, largest_step, reached


def cloud(n: int, seed: int) -> np.ndarray:
    """Two clusters of unequal width."""
    rng = np.random.default_rng(seed)
    wide = rng.random(n) < 0.3
    return rng.normal(0, np.where(wide, 3.0, 0.5)[:, None], (n, 6)) + 8 * wide[:, None]


class TestCopiedMass:
    @pytest.mark.parametrize("held", [True, False])
    @pytest.mark.parametrize("noise", [0.0, 0.01])
    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
    def test_a_planted_share_is_found(self, share: float, noise: float, held: bool) -> None:
        found = []
        for seed in range(20):
            train, fake = cloud(400, 3 * seed), cloud(600, 3 * seed + 1)
            heldout = cloud(400, 3 * seed + 2) if held else None
            rng = np.random.default_rng(seed)
            copies = int(share * len(fake))
            fake[:copies] = train[rng.integers(0, len(train), copies)] + noise * rng.normal(size=(copies, 6))
            found.append(copied_mass(train, fake, heldout, seed=seed))
        assert np.mean([score.value for score in found]) == pytest.approx(share, abs=0.03)
        assert sum(score.ci95[0] <= share <= score.ci95[1] for score in found) >= 19

    @pytest.mark.parametrize("held", [True, False])
    @pytest.mark.parametrize(("dim", "spread"), [(64, 0.3), (64, 0.6), (64, 0.8), (6, 0.5)])
    def test_independent_samples_of_little_variety_are_no_copies(self, dim: int, spread: float, held: bool) -> None:
        """N(0, s^2 I) is drawn without a look at the data: its truth is 0, however near to the middle it is."""
        found = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            train, heldout, fake = (rng.normal(size=(400, dim)) for _ in range(3))
            found.append(copied_mass(train, spread * fake, heldout if held else None, seed=seed))
        assert np.mean([score.value for score in found]) < 0.03
        assert sum(score.ci95[0] > 0.02 for score in found) <= 1

    @pytest.mark.parametrize("change", ["exact", "noisy", "brighter", "of eight alone", "twins in the data"])
    def test_copies_of_every_kind_are_found(self, change: str) -> None:
        rng = np.random.default_rng(0)
        train, heldout, fresh = (rng.normal(size=(400, 32)) for _ in range(3))
        if change == "twins in the data":
            train = np.concatenate([train[:200], train[:200] + 0.01 * rng.normal(size=(200, 32))])
        source = train[rng.integers(0, 8 if change == "of eight alone" else 400, 200)]
        noise = 0.1 * rng.normal(size=(200, 32)) * (change in ("noisy", "of eight alone", "twins in the data"))
        copies = (0.9 if change == "brighter" else 1) * source + noise
        found = copied_mass(train, np.concatenate([copies, fresh[:200]]), heldout)
        assert found.value == pytest.approx(0.5, abs=0.02)

    def test_intervals_are_ordered_and_shares(self) -> None:
        for seed in range(60):
            rng = np.random.default_rng(seed)
            dim = 40 if seed % 2 else 3
            train, heldout = (np.round(rng.normal(size=(rng.integers(4, 60), dim)), seed % 3) for _ in range(2))
            fake = train[rng.integers(0, len(train), 50)] * rng.choice([0.1, 0.9, 1.0])
            for others in (heldout, None):
                score = copied_mass(train, fake, others, seed=seed)
                assert 0 <= score.ci95[0] <= score.value <= score.ci95[1] <= 1

    def test_where_held_out_data_are_copies_too_nothing_is_known(self) -> None:
        same = np.zeros((50, 3))
        score = copied_mass(same, same, same)
        assert (score.value, score.ci95) == (0, (0, 1))

    def test_few_held_out_examples_leave_more_to_chance(self) -> None:
        train, fake = cloud(100, 0), cloud(500, 1)
        few, many = copied_mass(train, fake, cloud(20, 2)), copied_mass(train, fake, cloud(500, 2))
        assert few.warnings == ("Only 20 held-out examples: the interval of the copied mass is wide.",)
        assert many.warnings == ()
        assert few.certificate["baseline"] == "20 held-out examples"
        alarms = [
            copied_mass(cloud(80, 3 * s), cloud(400, 3 * s + 1), cloud(20, 3 * s + 2)).ci95[0] for s in range(100)
        ]
        assert sum(low > 0 for low in alarms) <= 5

    def test_too_few_are_refused(self) -> None:
        with pytest.raises(ValueError, match="at least 4"):
            copied_mass(cloud(3, 0), cloud(50, 1))
        with pytest.raises(ValueError, match="at least 2"):
            copied_mass(cloud(3, 0), cloud(50, 1), cloud(1, 2))


class TestCovered:
    def test_is_what_brute_force_counts(self) -> None:
        for seed in range(5):
            train, fake = cloud(60, seed), cloud(90, seed + 50)
            own = NearestNeighbors(n_neighbors=2).fit(train).kneighbors(train)[0][:, 1]
            near = NearestNeighbors(n_neighbors=1).fit(fake).kneighbors(train)[0][:, 0]
            score = covered(train, fake)
            assert score.value == pytest.approx(float((near < own).mean()))
            assert score.detail["missed"] == np.flatnonzero(near >= own).tolist()

    def test_samples_of_the_same_law_cover_as_many_as_expected(self) -> None:
        found = [covered(cloud(100, 2 * s), cloud(250, 2 * s + 1)) for s in range(60)]
        assert np.mean([score.value for score in found]) == pytest.approx(250 / 349, abs=0.02)
        assert found[0].detail["expected"] == pytest.approx(250 / 349)

    def test_a_half_that_is_replayed_covers_a_half(self) -> None:
        train = cloud(80, 0)
        assert covered(train, np.repeat(train[:40], 5, axis=0)).value == 0.5
        assert covered(train, train).value == 1


class TestReach:
    def test_copies_reach_no_others(self) -> None:
        training = np.array([0.2, 0.3, 0.4])
        copying = inversion_distance(training * (1 + 1e-6), training)
        assert copying.detail["training"] == pytest.approx(copying.value, rel=1e-4)
        assert reached(training * (1 + 1e-6), training).value == 0
        assert reached(training * (1 - 1e-6), training).value == 0
        assert reached(training * 0.9, training).value == 1
        some = reached([0.1, 0.5, 0.1, 0.1], [0.2, 0.4, 0.2, 0.2])
        assert (some.value, some.detail["missed"], some.n_real) == (0.75, [1], 4)
        assert some.ci95 == pytest.approx((0.19412, 0.99369), abs=1e-4)  # Clopper and Pearson's of 3 in 4

    @pytest.mark.parametrize("bad", [[], [0.1, 0.2, 0.3], [0.1, -0.2], [0.1, np.nan]])
    def test_distances_that_are_none_are_refused(self, bad: list[float]) -> None:
        for measure in (reached, inversion_distance):
            with pytest.raises(ValueError, match="^(training|distances and training): "):
                measure([0.1, 0.2], bad)
            with pytest.raises(ValueError, match="^(distances|distances and training): "):
                measure(bad, [0.1, 0.2])

    def test_the_interval_of_a_mean_distance(self) -> None:
        half = 1.96 * np.std([1, 2, 6], ddof=1) / 3**0.5
        assert inversion_distance([1, 2, 6]).ci95 == pytest.approx((max(0, 3 - half), 3 + half))
        assert inversion_distance([0.01, 0.02, 6]).ci95[0] == 0

    def test_nothing_is_said_of_training_images_that_are_not_known(self) -> None:
        assert "training" not in inversion_distance([0.1, 0.2]).detail


class TestLargestStep:
    def test_even_walks_and_jumps(self) -> None:
        even, jump = np.full(8, 0.3), np.eye(8)[2]
        score = largest_step([even, jump])
        assert score.detail["ratios"] == pytest.approx([1, 8])
        assert (score.value, score.detail["mean_step"]) == (pytest.approx(4.5), pytest.approx((0.3 + 1 / 8) / 2))
        assert score.certificate == {"walks": 2, "steps": 8}
        assert largest_step([even]).ci95 is None

    def test_the_interval_is_that_of_a_mean_within_what_can_be(self) -> None:
        walks = [[1, 1, 1, 1], [3, 1, 1, 1], [2, 1, 1, 1]]
        score = largest_step(walks)
        ratios = [1, 2, 1.6]
        half = 1.96 * np.std(ratios, ddof=1) / 3**0.5
        assert score.ci95 == pytest.approx((max(1, np.mean(ratios) - half), np.mean(ratios) + half))
        assert largest_step([np.full(8, 0.3), np.eye(8)[2]]).ci95 == (1, 8)

    def test_where_nothing_changes_no_step_is_larger(self) -> None:
        assert largest_step(np.zeros((3, 4))).value == 1

    @pytest.mark.parametrize("steps", [np.zeros((0, 4)), np.zeros(4), np.full((1, 2), np.nan), np.full((1, 2), -1.0)])
    def test_refuses(self, steps: np.ndarray) -> None:
        with pytest.raises(ValueError, match="^steps: "):
            largest_step(steps)
