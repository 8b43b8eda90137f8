"""Run folders as a training leaves them, made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.datasets import load_digits

from allmodes.core.pictures import image_grid, image_pairs, image_rows, save_animation, toy_frame

MakeRun = Callable[..., Path]
K = 1000


def stacked(seed: int, n: int = 64) -> np.ndarray:
    """Real digits, three to an image, uint8 (n, 3, 8, 8)."""
    digits = load_digits().images
    picks = np.random.default_rng(seed).integers(len(digits), size=(n, 3))
    return (digits[picks] * 15).clip(0, 255).astype(np.uint8)


def scores(missing: int, seed: int) -> list[dict[str, Any]]:
    """Scores of 26,000 samples with some missing modes."""
    rng = np.random.default_rng(seed)
    law = np.full(K, 1 / K)
    weights = law * np.exp(0.25 * rng.standard_normal(K))
    weights[rng.permutation(K)[:missing]] = 0
    counts = rng.multinomial(26_000, weights / weights.sum())
    cube = counts.reshape(10, 10, 10)
    marginal = [cube.sum(axis=tuple(other for other in range(3) if other != axis)) for axis in range(3)]
    share = counts[counts > 0] / counts.sum()
    kl = float((share * np.log(share * K)).sum())
    parts = [float((m / m.sum() * np.log(m / m.sum() * 10)).sum()) for m in marginal]
    certificate = {"feature_space": "stacked-digits-cnn", "protocol": "fresh", "hash": "a1b2c3d4e5f60718"}

    def score(name: str, value: float, detail: dict[str, Any], **extra: Any) -> dict[str, Any]:
        fields = {"ci95": None, "n_real": None, "n_fake": 26_000, "certificate": certificate, "warnings": []}
        return {"name": name, "value": value, "detail": detail, **fields, **extra}

    empty = np.flatnonzero(counts == 0).tolist()
    counted = {"counts": counts.tolist(), "law": law.tolist(), "shape": [10, 10, 10], "missing": empty}
    origin = {"marginals": parts, "rest": kl - sum(parts), "floor": 0.0189}
    return [
        score("modes", float((counts >= 5).sum()), {**counted, "raw": 1000, "corrected": 1000 - missing}),
        score(
            "kl",
            kl,
            {**origin, "marginal_counts": [m.tolist() for m in marginal]},
            ci95=[kl - 0.003, kl + 0.003],
        ),
        score("kl_uniform", kl, {}),
        score("excess_kl", kl - 0.0192, {}),
        score("effective_modes", K * float(np.exp(-kl)), {}),
        score("confidence", 0.87, {"real": 0.94}, warnings=["The classifier errs on 0.65% of real digits."]),
        score("prior_gap", 0.8, {"views": gap_views()}, ci95=[0.7, 0.9], n_real=98, n_fake=98),
        score("frechet_distance", 4.21, {}, n_real=26_000, certificate={**certificate, "split": "train"}),
    ]


def gap_views() -> dict[str, dict[str, Any]]:
    """Frechet distances that show latents to be at fault, for their places."""
    laws = {"assigned": 20.0, "shuffled": 58.0, "training": 10.0, "fresh": 60.0}
    views = {"training": 1.0, "heldout": 2.0, "training, st-vgg16": 0.01}
    kinds = {
        view: {law: [scale * (mean + off) for off in (-1, 0, 1)] for law, mean in laws.items()}
        for view, scale in views.items()
    }
    return {view: {**kind, "share": 0.8} for view, kind in kinds.items()}


def log(missing: int) -> list[dict[str, Any]]:
    """Lines of metrics.jsonl."""
    lines = []
    for step in range(1, 51):
        progress, images = step / 50, step * 12_800
        scalars = {"generator/loss": 0.7 - 0.1 * progress, "discriminator/loss": 0.7 + 0.2 / step}
        speed = {
            "images_per_second": 5100.0 - 10 * step,
            "matching_share": 0.12,
            "matching/distance": 0.9 - 0.5 * progress,
        }
        entry = {"images": images, "step": step * 100, "seconds": step * 2.5}
        lines.append({"kind": "train", **entry, "scalars": {**scalars, **speed}})
        if step % 5 == 0:
            measured = {"modes": (K - missing) * (1 - 0.5 ** (step / 3)), "kl": 0.03 + 3 * 0.5 ** (step / 4)}
            lines.append({"kind": "evaluation", **entry, "scalars": {**measured, "confidence": 0.4 + 0.47 * progress}})
    return lines


PUBLISHED = [
    {
        "method": "Unrolled GAN",
        "modes": 372.2,
        "kl": 4.66,
        "protocol": "unrolled-1/4",
        "source": "Metz et al. 2017",
    },
    {
        "method": "PacGAN2",
        "modes": 1000,
        "kl": 0.06,
        "protocol": "veegan",
        "source": "https://arxiv.org/abs/1712.04086",
    },
    {"method": "Inclusive GAN", "modes": 997, "kl": 0.2, "protocol": "inclusive", "source": "Yu et al. 2020"},
    {"method": "StyleGAN2", "modes": 940, "kl": None, "protocol": "fresh", "source": "in a public report"},
]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """``make_run(name, folder=..., seed=..., missing=..., planar=...)`` writes a finished run."""

    def make(name: str, *, folder: str, seed: int = 0, missing: int = 0, planar: bool = False, title: str = "") -> Path:
        path = tmp_path / folder
        (path / "samples").mkdir(parents=True)
        recipe = {"recipe": name, "title": title or f"Stacked digits with {name.split('/')[-1]}"}
        recipe |= {
            "about": "Three handwritten digits in three colour channels: 1,000 modes.",
            "published": PUBLISHED,
        }
        recipe |= {
            "data": {"name": "stacked-digits"},
            "objective": {"name": "gan"},
            "images": 640_000,
            "seed": seed,
        }
        (path / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
        place = {"device": "cpu", "torch": "2.13.0", "threads": 2, "processes": 1, "python": "3.11"}
        (path / "environment.json").write_text(json.dumps(place))
        (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log(missing)))
        found = toy_scores(seed) if planar else scores(missing, seed)
        if name.startswith("super-resolution/"):
            found.append({**found[0], "name": "st_lpips_best", "value": 0.3, "detail": {"best_of": [0.4, 0.33, 0.3]}})
        headline = {score["name"]: score["value"] for score in found}
        (path / "evaluation.json").write_text(json.dumps({"scores": found, "headline": headline}))
        if not planar:
            (path / "mixture.json").write_text(json.dumps(mixture(seed)))
        (path / "audit").mkdir()
        (path / "audit" / "audit.json").write_text(json.dumps(audit(missing)))
        (path / "watch.json").write_text(json.dumps(watch(missing)))
        (draw_points if planar else draw_grids)(path / "samples", seed)
        return path

    return make


def mixture(seed: int) -> dict[str, Any]:
    """What is seen of a prior of two free components, for data of two classes at 7:3."""
    rng = np.random.default_rng(seed)
    owned, component = [0] * 14 + [1] * 6, [0, 1] * 10

    def plane() -> dict[str, Any]:
        return {side: rng.standard_normal((20, 2)).round(3).tolist() for side in ("first", "second")}

    found = {
        "component": component,
        "owned": owned,
        "planes": {"pca": plane(), "tsne": plane(), "explained": [0.5, 0.25]},
        "labels": [0] * 13 + [1] * 7,
        "certificate": {"inverted": "20 training examples", "pool": 2_000, "steps": 50, "seed": seed},
    }
    return {
        "schema": 1,
        "components": 2,
        "classes": None,
        "weights": [0.68, 0.32],
        "shares": [0.7, 0.3],
        "points": {"xy": plane()["first"], "component": component},
        "sigma": {
            "sigmas": [0.5, 1.0, 1.5],
            "precision": [0.95, 0.8, 0.5],
            "recall": [0.3, 0.75, 0.85],
            "ceiling": {"precision": 0.9, "recall": 0.88},
            "certificate": {"features": "st-alexnet", "k": 3, "samples": 1_000, "split": "test images", "seed": seed},
        },
        "maps": {"between": found, "within": {**found, "label": 0}},
    }


def audit(missing: int) -> dict[str, Any]:
    """What the report reads of an audit."""
    ends = {"dropped": None, "crowded": None, "copied": 2 * missing / K, "invented": 2 * missing / K}
    masses = {f"{name}_mass": {"estimate": missing / K, "ci95": [0.0, high]} for name, high in ends.items()}
    words = {"verdict": "Drops <some>.", "remarks": ["Copies & more."], "distance": {"name": "pixels"}}
    rest: dict[str, Any] = {"certificate": {"real": "ring", "seed": 0}, "regions": [], "summary": {}, "schema": 3}
    rest["difference"] = {"p_value": 0.5}
    return {**masses, **words, **rest, "n_real": 2_000, "n_fake": 2_000}


def watch(missing: int) -> dict[str, Any]:
    """Three looks at a training, of which the last two drop a part."""
    part = {"view": "pixels", "region": "1-3", "share": 0.04, "ratio": 0.1, "q_value": 1e-9, "labels": {"<7>": 9}}
    looks = [
        {
            "images": 1_000 * number,
            "collapse": "yes",
            "estimate": missing / K / number,
            "least": 0.0,
            "parts": [{**part, "dropped": True}] if number > 1 else [],
            "summary": {"recall": None},
        }
        for number in (1, 2, 3)
    ]
    return {"schema": 1, "basis": {"real": "ring", "distance": "pixels", "seed": 0}, "looks": looks}


def toy_scores(seed: int) -> list[dict[str, Any]]:
    """Scores of a ring of eight modes."""
    angles = np.arange(8) * np.pi / 4
    modes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = modes.repeat(100, axis=0) + 0.03 * np.random.default_rng(seed).standard_normal((800, 2))
    detail = {
        "points": points.tolist(),
        "modes": modes.tolist(),
        "counts": [100] * 8,
        "law": [0.125] * 8,
        "shape": [8],
    }
    return [{"name": "modes", "value": 8.0, "n_fake": 800, "detail": detail}]


def draw_points(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles = rng.integers(8, size=800) * np.pi / 4
    data = np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.03 * rng.standard_normal((800, 2))
    noise = rng.standard_normal((800, 2))
    frames = []
    for number, share in enumerate([0.0, 0.5, 1.0]):
        frames.append(toy_frame((1 - share) * noise + share * data, data, title=f"toys/ring-imle  {number} examples"))
        frames[-1].save(folder / f"images-{number:012d}.png")
    save_animation(frames, folder / "training.gif")


def draw_grids(folder: Path, seed: int) -> None:
    real, fake = stacked(seed + 50), stacked(seed).astype(np.float32)
    rng = np.random.default_rng(seed)
    for number in range(11):
        noise = 255 * rng.random(fake.shape)
        share = number / 10
        mixed = ((1 - share) * noise + share * fake).clip(0, 255).astype(np.uint8)
        image_grid(mixed).save(folder / f"images-{number * 64_000:012d}.png")
    image_grid(real).save(folder / "real.png")
    image_pairs(fake.astype(np.uint8), real).save(folder / "nearest.png")
    image_pairs(fake[:12].astype(np.uint8), real[:12]).save(folder / "latents.png")
    image_rows(fake[:12].astype(np.uint8), ["0", "1"]).save(folder / "components.png")
