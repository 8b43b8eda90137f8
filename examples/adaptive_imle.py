# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # IMLE, Adaptive IMLE and RS-IMLE on points that are not equally hard
#
# Forty points of the plane: 32 in a crowd, where any sample is near, and 8 loners far from all others. Every point
# pulls the sample that it is matched with. The methods differ in one decision each:
#
# * **IMLE** (Li & Malik 2018) matches all points again at the same time.
# * **Adaptive IMLE** (Aghabozorgi, Peng & Li 2023) matches a point again when its sample has come nearer than the
#   point's own threshold, which then tightens.
# * **RS-IMLE** (Vashist, Peng & Li 2024) matches no sample that lies close to some point already.
#
# Networks, steps, learning rate and pools are the same for all. (In the toy that was published with Adaptive IMLE the
# adaptive run also takes five times larger steps, so that its picture cannot say what the thresholds do.)
#
# As a script: `python examples/adaptive_imle.py`. As a notebook: `jupytext --to ipynb examples/adaptive_imle.py`.

# %%
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from PIL import Image

from allmodes.core.pictures import save_animation
from allmodes.training.build import build_dataset, build_objective
from allmodes.training.processes import launch
from allmodes.training.recipe import load_recipe
from allmodes.training.trainer import Trainer

METHODS = {"IMLE": "crowd/imle", "Adaptive IMLE": "crowd/adaptive-imle", "RS-IMLE": "crowd/rs-imle"}
OUT = Path("runs/examples")
IMAGES = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 40_000  # points seen in a training
SEEDS = (0, 1, 2)
CROWD = 32  # the first points; the others are loners

# %% [markdown]
# ## Training
#
# After every round of matching we keep where the points' matched samples are, and how far: that distance is the radius
# of the neighbourhood in which a point looks for its sample.


# %%
@dataclass(frozen=True)
class View:
    """The training at one moment: samples, the matched samples and the distance of each point to its own."""

    samples: torch.Tensor
    matched: torch.Tensor
    radius: torch.Tensor


def trained(recipe: str, seed: int, every: int = 0) -> tuple[Trainer, list[View]]:
    """Train by a recipe; keep a view every so many steps."""
    resolved = load_recipe(recipe, {"seed": seed, "images": IMAGES, "threads": 1, "device": "cpu"})
    fabric = launch(resolved.settings)
    dataset = build_dataset(resolved)
    trainer = Trainer(resolved, build_objective(resolved, dataset, fabric.device), dataset=dataset, fabric=fabric)
    views = []
    while not trainer.done:
        trainer.one_step()
        if every and (trainer.step == 1 or trainer.step % every == 0):
            views.append(view_of(trainer))
    return trainer, views


@torch.no_grad()
def view_of(trainer: Trainer) -> View:
    generator, points = trainer.players["generator"], trainer.dataset.modes
    matched = generator(trainer.objective.rounds.assignment.latents)
    return View(drawn(trainer, 300), matched, (matched - points).norm(dim=1))


@torch.no_grad()
def drawn(trainer: Trainer, count: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return trainer.kept.generator(trainer.kept.prior.sample(count, rng).z)


# %% [markdown]
# ## What each method reaches
#
# Of 2,000 samples: how far is the nearest from a point of the crowd, from a loner, and from the worst-served point; and
# what share of the samples lies within 0.2 of some point.

# %%
views: dict[str, list[View]] = {}
rows = {}
for name, recipe in METHODS.items():
    found = []
    for seed in SEEDS:
        trainer, seen = trained(recipe, seed, every=20 if seed == 0 else 0)
        views.setdefault(name, seen)
        gaps = torch.cdist(trainer.dataset.modes, drawn(trainer, 2_000))
        near = gaps.min(dim=1).values
        precise = (gaps.min(dim=0).values < 0.2).float().mean()
        found.append([near[:CROWD].mean(), near[CROWD:].mean(), near.max(), precise])
    rows[name] = np.array(found)

print(f"{'':15}{'crowd':>10}{'loners':>10}{'worst':>10}{'precise':>10}     (mean of {len(SEEDS)} seeds)")
for name, row in rows.items():
    print(f"{name:15}" + "".join(f"{value:10.3f}" for value in row.mean(axis=0)))

# %% [markdown]
# ## What it shows, and what not
#
# The table as it was printed on a CPU (40,000 points seen, mean of seeds 0 to 2):
#
# | | crowd | loners | worst | precise |
# |---|---|---|---|---|
# | IMLE | 0.021 | 0.083 | 0.173 | 0.16 |
# | Adaptive IMLE | 0.018 | 0.122 | 0.277 | 0.22 |
# | RS-IMLE | 0.012 | 0.114 | 0.202 | 0.45 |
#
# *At equal step size adaptive thresholds serve the hard points no better here*: they gain a little where it was easy,
# and a few more samples are good ones. Thresholds of another width (`--objective.tighten` from 0.02 to 0.3) and other
# intervals between rounds (5 to 100 steps) do not change that. What helps is rejection: samples that serve the crowd
# are no longer drawn away to serve the loners, so three times as many of them lie on the data, at a small cost for the
# loners, of which none is lost.

# %% [markdown]
# ## The neighbourhoods
#
# Each circle is as wide as its point's distance to the sample that it is matched with; it is red where that is farther
# than 0.2.


# %%
def frame(moment: int) -> Image.Image:
    figure = Figure(figsize=(3.2 * len(views), 3.5), dpi=90, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    for axes, (name, seen) in zip(figure.subplots(1, len(views)), views.items(), strict=True):
        view, points = seen[moment], trainer.dataset.modes
        axes.scatter(*view.samples.T, s=4, color="#0072b2", alpha=0.4, linewidths=0)
        for point, sample, radius in zip(points, view.matched, view.radius, strict=True):
            colour = "#d55e00" if radius > 0.2 else "#999999"
            circle = Circle(point.tolist(), float(radius), fill=False, color=colour, linewidth=0.7, alpha=0.7)
            axes.add_artist(circle)
            axes.plot(*torch.stack([point, sample]).T, color=colour, linewidth=0.8)
        axes.scatter(*points.T, s=8, color="black", zorder=3)
        axes.set(title=name, xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), xticks=[], yticks=[], aspect="equal")
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


OUT.mkdir(parents=True, exist_ok=True)
frames = [frame(moment) for moment in range(len(next(iter(views.values()))))]
save_animation(frames, OUT / "adaptive_imle.gif", milliseconds=120)
frames[-1].save(OUT / "adaptive_imle.png")
print(f"The animation is {OUT / 'adaptive_imle.gif'}")
