"""Several views at once: what one cannot see another finds, and all are corrected together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import false_discovery_control

from allmodes.auditing import Examples, Findings, audit, open_distance, views
from allmodes.auditing.view import core
from allmodes.auditing.views import choose
from allmodes.cli import main
from allmodes.core.errors import UserError


def pictures(
    n: int, seed: int, *, light: bool = True, turned: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stripes, a half of them upright, on light of any strength: two losses to plant, of light and of direction."""
    rng = np.random.default_rng(seed)
    strength = rng.uniform(0 if light else 1 / 3, 1, n)
    upright = rng.random(n) < (0.5 if turned else 0)
    images = 40 + 120 * strength[:, None, None] + rng.normal(0, 4, (n, 16, 16))
    stripes = 12 * (-1) ** np.arange(16)
    images += np.where(upright[:, None, None], stripes[None, None, :], stripes[None, :, None])
    return images.clip(0, 255).astype(np.uint8), strength, upright


@pytest.fixture(scope="module")
def dark() -> tuple[Findings, np.ndarray]:
    real, strength, _ = pictures(600, 0)
    return audit(real, pictures(600, 1, light=False)[0], metrics=()), strength


def test_the_darkest_third_is_found_and_the_sentence_names_the_views(dark: tuple[Findings, np.ndarray]) -> None:
    found, strength = dark
    assert found.answer().collapse == "yes"
    assert "pixels" in found.answer().shown_in
    assert found.dropped_mass.estimate == pytest.approx(1 / 3, abs=0.07)
    assert found.verdict().startswith(
        f"Mode collapse: yes. The generator drops about {found.dropped_mass.estimate:.0%}"
    )
    assert "In these views: " in found.verdict()
    lost = [i for part in found.parts for i in core(part.region)]
    assert (strength[lost] < 1 / 3).mean() > 0.9
    ranked = strength[[example.index for example in found.examples]]
    assert (ranked[:150] < 0.36).mean() > 0.9


def test_what_several_views_show_is_shown_once(dark: tuple[Findings, np.ndarray]) -> None:
    found, _ = dark
    apart = sum(len(view.dropped) for view in found.views)
    assert len(found.parts) < apart
    for number, part in enumerate(found.parts):
        earlier = {
            i for other in found.parts[:number] if other.region.view != part.region.view for i in core(other.region)
        }
        mine = set(core(part.region))
        assert len(mine & earlier) < len(mine)
        assert part.views[0] == part.region.view
        for name in part.views:
            (view,) = [view for view in found.views if view.name == name]
            assert 2 * len(mine & view.lost) >= len(mine)


def test_a_loss_that_one_view_sees_alone_is_said_to_be_in_it(tmp_path: Path) -> None:
    """Means of squares of 2 x 2 hide the direction of stripes; random convolutions see it first."""
    real, fake = pictures(500, 0)[0], pictures(500, 1, turned=False)[0]
    blind, seeing = open_distance("pixels", {"pool": 2}), open_distance("random-convolution")
    found = audit(real, fake, distance=[blind, seeing], metrics=())
    assert found.answer().shown_in == ("random-convolution",)
    assert "In these views: random-convolution; not in pixels." in found.verdict()
    assert audit(real, fake, distance=blind, metrics=()).answer().collapse != "yes"
    found.save(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<th scope="row">pixels</th><td class="words">no</td>' in page
    document = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert [(view["name"], view["shows"]) for view in document["views"]] == [
        ("pixels", False),
        ("random-convolution", True),
    ]
    assert document["answer"]["collapse"] == "yes"
    assert {region["view"] for region in document["regions"] if region["dropped"]} == {"random-convolution"}


def test_all_parts_of_all_views_are_one_family(dark: tuple[Findings, np.ndarray]) -> None:
    found, _ = dark
    parts = [*found.regions, *found.labels]
    expected = false_discovery_control(np.array([part.p_value for part in parts]))
    np.testing.assert_allclose([part.q_value for part in parts], expected)
    assert all(part.dropped == (part.q_value <= 0.05 and part.ratio < 0.5) for part in parts if part.ratio is not None)


def test_a_bound_of_several_views_is_lower_than_that_of_one_and_the_largest_is_told(
    dark: tuple[Findings, np.ndarray],
) -> None:
    found, _ = dark
    alone = audit(pictures(600, 0)[0], pictures(600, 1, light=False)[0], distance="pixels", metrics=())
    (pixels,) = [view for view in found.views if view.name == "pixels"]
    assert 0 < pixels.dropped_mass.ci95[0] < alone.dropped_mass.ci95[0]
    assert pixels.dropped_mass.estimate == alone.dropped_mass.estimate
    assert found.dropped_mass.ci95[0] == max(view.dropped_mass.ci95[0] for view in found.views)
    assert found.difference.p_value == min(view.difference.p_value for view in found.views)
    assert pixels.difference.p_value == pytest.approx(2 * alone.difference.p_value)


def test_no_view_of_equal_laws_is_alarmed_more_often_than_one_in_twenty() -> None:
    """Of 20 audits in two views, three or fewer: more would come by chance in 2% of cases at the level of 5%."""
    alarms = 0
    for seed in range(20):
        found = audit(pictures(120, 2 * seed)[0], pictures(120, 2 * seed + 1)[0], metrics=(), seed=seed)
        alarms += found.answer().collapse == "yes"
    assert alarms <= 3


def test_so_few_that_a_loss_would_hide_are_no_proof(dark: tuple[Findings, np.ndarray]) -> None:
    few = audit(pictures(60, 0)[0], pictures(60, 1)[0], metrics=())
    assert few.answer().collapse == "cannot be told"
    assert few.verdict().startswith("Mode collapse: cannot be told.")
    more = few.answer().sharpened
    assert more is not None
    assert f"{more.n_fake:,} samples, one of" in few.verdict()
    many = audit(pictures(700, 0)[0], pictures(700, 1)[0], metrics=())
    assert many.answer().collapse == "no"
    assert "wholly missing" in many.verdict()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [("pixels,pixels", "called 'pixels'"), ("pixels,pixel", "Did you mean 'pixels'"), ([], "No feature space")],
)
def test_views_must_be_there_and_named_once(wanted: str | list[str], message: str) -> None:
    real = pictures(40, 0)[0]
    with pytest.raises(UserError, match=message):
        audit(real, real, distance=wanted)


def test_cheap_views_come_first_and_metrics_are_those_of_the_first_named() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (24, 32, 32, 3), dtype=np.uint8)
    found = audit(images, images, distance="st-alexnet,pixels", metrics=("recall",))
    assert [view.name for view in found.views] == ["pixels", "st-alexnet"]
    assert found.certificate["features"] == "st-alexnet"
    assert found.summary["recall"].certificate["dimensions"] == 1_152


def test_the_command_takes_several_and_options_of_one_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("real", 0), ("fake", 1)):
        np.save(tmp_path / f"{name}.npy", pictures(60, seed)[0])
    words = [
        "audit",
        "--real",
        str(tmp_path / "real.npy"),
        "--fake",
        str(tmp_path / "fake.npy"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main([*words, "--distance", "pixels,random-convolution", "--metrics", "recall"]) == 0
    assert "In these views: pixels, random-convolution." in capsys.readouterr().out
    assert main([*words, "--distance", "pixels,random-convolution", "--distance.pool", "2"]) == 2
    assert "is an option of one feature space, and --distance names 2" in capsys.readouterr().err
    assert main([*words, "--distance", "pixels", "--distance.pool", "2", "--metrics", "recall"]) == 0


def test_large_images_are_seen_small_so_that_a_default_audit_needs_no_more_memory() -> None:
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 255, (2, 1, 90, 180), dtype=np.uint8))
    sides = [Examples.of(2 * part.float() / 255 - 1) for part in (images, images[:, :, ::3, ::3])]
    pixels = choose("auto", sides[0]).distances[0]
    assert sides[0].embedded(pixels).shape == (2, 64 * 32)
    whole = images.float().mean((1, 2, 3)) / 127.5 - 1
    torch.testing.assert_close(sides[0].embedded(pixels).mean(1), whole, atol=0.01, rtol=0)
    torch.testing.assert_close(sides[1].embedded(pixels), sides[1].embedded(open_distance("pixels")))


def test_many_images_are_seen_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MANY", 10)
    data = Examples.of(torch.zeros(2, 1, 128, 128))
    for count, side in ((9, 64), (10, 32), (39, 32), (40, 16), (10_000, 8)):
        pixels, convolution, *_ = choose("auto", data, count).distances
        assert data.embedded(pixels).shape == (2, side**2)
        assert data.embedded(convolution).shape == (2, 16 * (side // 4) ** 2)
    assert data.embedded(choose("pixels", data, 10_000).distances[0]).shape == (2, 128**2)  # asked for by name
