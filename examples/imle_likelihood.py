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
# # IMLE and the likelihood
#
# IMLE (Li & Malik 2018) draws a pool of m samples and pulls the nearest of them to every example $x_i$:
#
# $$\hat\theta = \arg\min_\theta \frac1n \sum_i E[R_i], \qquad R_i = \min_{j \le m} |T_\theta(z_j) - x_i|^2$$
#
# No density is ever computed, and yet under the conditions of the paper's theorem this maximises the likelihood. Here
# the density is known, so both can be computed and held against each other. With $F_i(r)$, the probability of the
# ball of radius r around $x_i$,
#
# $$E[R_i] = \int_0^\infty (1 - F_i(r))^m\, 2r\, dr$$
#
# is an integral, not a simulation. For large m only small balls matter, $F_i(r) \approx p(x_i)\, V_d\, r^d$, and
#
# $$E[R_i] \approx \Gamma(1 + 2/d)\, (m\, p(x_i)\, V_d)^{-2/d}$$
#
# falls with the likelihood of $x_i$ alone. The slope of this sum is $-\sum_i w_i \nabla \log p(x_i)$ up to a factor,
# with **weights** $w_i = E[R_i] / \max_j E[R_j] \propto p(x_i)^{-2/d}$: IMLE maximises a weighted likelihood. Where
# all examples are equally likely at the maximum, the weights are all 1, and it is *the* likelihood: that is the
# condition.
#
# As a script: `python examples/imle_likelihood.py`. As a notebook: `jupytext --to ipynb examples/imle_likelihood.py`.

# %%
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.optimize import minimize
from torch import Tensor

OUT = Path("runs/examples")
POOLS = [10, 100, 1_000, 10_000, 100_000]
RADII = torch.logspace(-7, 1.5, 800, dtype=torch.float64)
torch.set_default_dtype(torch.float64)


def expected(inside: Tensor, m: int) -> Tensor:
    """E[R_i] of a pool of m, (n,), from the probabilities of balls around examples, (n, radii)."""
    missed = (m * torch.log1p(-inside.clamp(0, 1 - 1e-12))).exp()
    return torch.trapezoid(2 * RADII**2 * missed, RADII.log()) + RADII[0] ** 2


def minimiser(loss: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Where a function of the parameters (k,) is least, by BFGS."""

    def value_and_slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
        at = torch.from_numpy(theta).requires_grad_()
        value = loss(at)
        return float(value.detach()), torch.autograd.grad(value, at)[0].numpy()

    return torch.from_numpy(minimize(value_and_slope, start.numpy(), jac=True, method="BFGS", tol=1e-9).x)


# %% [markdown]
# ## A linear Gaussian model, and the condition holds
#
# $x = A z + b$ in the plane. Its five examples are the corners of a regular pentagon that was stretched and turned:
# at the maximum of the likelihood, which is their mean and covariance, all lie on one ellipse of equal density. The
# probability of a ball is integrated ring by ring.

# %%
ANGLES = torch.arange(64) * (2 * math.pi / 64)
RING = torch.stack([ANGLES.cos(), ANGLES.sin()], 1)
TURN = torch.arange(5) * (2 * math.pi / 5)
PENTAGON = torch.stack([TURN.cos(), TURN.sin()], 1) @ torch.tensor([[2.0, 0.6], [0.0, 0.5]])


def factor(theta: Tensor) -> Tensor:
    """A, lower triangular with a positive diagonal."""
    return torch.stack([torch.stack([theta[0].exp(), torch.zeros(())]), torch.stack([theta[1], theta[2].exp()])])


def gaussian(theta: Tensor, x: Tensor) -> Tensor:
    """The log-density of A z + b at points (..., 2)."""
    white = (x - theta[3:]) @ torch.linalg.inv(factor(theta)).T
    return -white.square().sum(-1) / 2 - math.log(2 * math.pi) - theta[0] - theta[2]


def gaussian_balls(theta: Tensor) -> Tensor:
    """The probability of every ball around every corner, (5, radii)."""
    around = PENTAGON[:, None, None] + RADII[:, None, None] * RING
    density = 2 * math.pi * RADII**2 * gaussian(theta, around).exp().mean(-1)
    first = density[:, :1] / 2
    return torch.cat([first, first + torch.cumulative_trapezoid(density, RADII.log())], 1)


covariance = torch.cov(PENTAGON.T, correction=0)
root = torch.linalg.cholesky(covariance)
best_gaussian = torch.cat([torch.stack([root[0, 0].log(), root[1, 0], root[1, 1].log()]), PENTAGON.mean(0)])
start = torch.tensor([0.0, 0.0, 0.0, 0.3, 0.3])
gaussian_found = [minimiser(lambda t, m=m: expected(gaussian_balls(t), m).mean().log(), start) for m in POOLS]
gaussian_gaps = [float((gaussian(best_gaussian, PENTAGON) - gaussian(t, PENTAGON)).mean()) for t in gaussian_found]

# %% [markdown]
# ## A mixture on the line, and the condition fails
#
# Two Gaussians of known width, one eight times as wide as the other; their means and the weight of the first are
# learnt. Each has two examples, one deviation from where its mean should be. The likelihood wants half of the weight
# for each, and then the examples of the narrow one are eight times as likely as those of the wide one. IMLE weighs
# them by $p^{-2}$.
#
# With $q$ the weight of the narrow one, and all else right, $\sum_i p_i^{-2} \propto (s_1/q)^2 + (s_2/(1-q))^2$ is
# least at $q / (1 - q) = (s_1/s_2)^{2/3} = 1/4$. So IMLE tends to $q = 1/5$, whatever the pool: its weights there are
# 1/4 and 1.
#
# Where distances count by their own size, $\sum_i \log E[R_i]$, every example has the same say, and the condition is
# not needed.

# %%
WIDTHS = torch.tensor([0.1, 0.8])
LINE = torch.tensor([-2.1, -1.9, 1.2, 2.8])
LOG_ROOT = math.log(2 * math.pi) / 2


def shares(theta: Tensor) -> Tensor:
    """The weights of both Gaussians."""
    return torch.stack([theta[0].sigmoid(), (-theta[0]).sigmoid()])


def mixture(theta: Tensor, x: Tensor) -> Tensor:
    """The log-density at points (n,)."""
    each = -((x[:, None] - theta[1:]) / WIDTHS).square() / 2 - LOG_ROOT - WIDTHS.log()
    return torch.logsumexp(each + shares(theta).log(), 1)


def below(theta: Tensor, x: Tensor) -> Tensor:
    """The probability of less than x, of the same shape."""
    return (torch.special.ndtr((x[..., None] - theta[1:]) / WIDTHS.to(x)) * shares(theta)).sum(-1)


def mixture_balls(theta: Tensor) -> Tensor:
    """The probability of every interval around every example, (4, radii)."""
    return below(theta, LINE[:, None] + RADII) - below(theta, LINE[:, None] - RADII)


start = torch.tensor([0.5, -1.7, 1.7])
best_mixture = minimiser(lambda t: -mixture(t, LINE).mean(), start)
plain = [minimiser(lambda t, m=m: expected(mixture_balls(t), m).mean().log(), start) for m in POOLS]
own = [minimiser(lambda t, m=m: expected(mixture_balls(t), m).log().mean(), start) for m in POOLS]


def gap(theta: Tensor) -> float:
    """What the likelihood of an example lacks on average, in nats."""
    return float((mixture(best_mixture, LINE) - mixture(theta, LINE)).mean())


plain_gaps, own_gaps = [gap(t) for t in plain], [gap(t) for t in own]
reached = [expected(mixture_balls(t), m) for t, m in zip(plain, POOLS, strict=True)]
weights = [distances / distances.max() for distances in reached]

print(f"{'pool':>8}{'Gaussian':>12}{'mixture':>10}{'own size':>10}{'share':>8}   weights of the four examples")
for row, m in enumerate(POOLS):
    share, four = float(shares(plain[row])[0]), "  ".join(f"{w:.3f}" for w in weights[row])
    print(f"{m:8,}{gaussian_gaps[row]:12.2e}{plain_gaps[row]:10.4f}{own_gaps[row]:10.2e}{share:8.3f}   {four}")

# %% [markdown]
# ## What it shows
#
# | pool m | gap, Gaussian | gap, mixture | the same, by own size | share of the narrow one | weights of the examples |
# |---|---|---|---|---|---|
# | 10 | 2.44 | 0.0118 | 0.0585 | 0.425 | 0.22 to 0.26, 0.87 to 1 |
# | 100 | 0.00508 | 0.2228 | below 1e-10 | 0.200 | 0.250, 1 |
# | 1,000 | 0.0000481 | 0.2231 | below 1e-10 | 0.200 | 0.250, 1 |
# | 10,000 | 4.8e-7 | 0.2231 | below 1e-10 | 0.200 | 0.250, 1 |
# | 100,000 | 4.8e-9 | 0.2231 | below 1e-10 | 0.200 | 0.250, 1 |
#
# *Where the condition holds, the gap in log-likelihood (nats for each example) falls with the square of the pool.
# Where it fails, it stays at* $\frac12 \log \frac{1/4}{1/5 \cdot 4/5} = 0.2231$, *however large the pool.* Examples
# that are hard to reach have the most say. That is no flaw for who wants every mode, and it is not the likelihood.
#
# Distances that count by their own size mend it. A threshold of its own for every example, which tightens by a share
# of that example's distance, has this aim: Adaptive IMLE (Aghabozorgi, Peng & Li 2023), whose authors drop the
# condition. The sum of logarithms is its idea, not its algorithm; that one, from samples, is in
# `examples/adaptive_imle.py`.

# %%
BLUE, RED, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#999999"


def ellipse(theta: Tensor) -> Tensor:
    """Where A z + b is for z at a distance of the square root of two, (64, 2)."""
    return math.sqrt(2) * RING @ factor(theta).T + theta[3:]


def drawn() -> Figure:
    figure = Figure(figsize=(12, 3.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    known = [(best_gaussian, "black", "maximum of the likelihood")]
    known += [(gaussian_found[row], colour, f"IMLE, m = {POOLS[row]}") for row, colour in ((0, RED), (1, BLUE))]
    for theta, colour, label in known:
        left.fill(*ellipse(theta).T, fill=False, edgecolor=colour, label=label)
    left.scatter(*PENTAGON.T, s=14, color="black", zorder=3)
    left.set(title="linear Gaussian: equally likely", xlim=(-3, 3), ylim=(-2, 3), aspect="equal", xticks=[], yticks=[])
    left.legend(fontsize=8, loc="upper left")
    line = torch.linspace(-3, 5, 2_001)
    middle.plot(
        line, mixture(best_mixture, line).exp(), color="black", label="maximum of the likelihood,\nand by own size"
    )
    middle.plot(line, mixture(plain[-1], line).exp(), color=RED, label=f"IMLE, m = {POOLS[-1]:,}")
    middle.scatter(LINE, torch.zeros(4), s=14, color="black", zorder=3)
    middle.set(title="mixture: unequally likely", xlabel="x", ylabel="density")
    middle.legend(fontsize=8)
    for gaps, colour, label in (
        (plain_gaps, RED, "mixture"),
        (gaussian_gaps, BLUE, "linear Gaussian"),
        (own_gaps, GREEN, "mixture, distances by own size"),
    ):
        right.loglog(POOLS, [max(value, 1e-12) for value in gaps], marker="o", markersize=4, color=colour, label=label)
    right.axhline(math.log(1.25), color=GREY, linewidth=0.8, linestyle="--")
    right.set(title="gap in log-likelihood", xlabel="pool m", ylabel="nats (at least 1e-12)", ylim=(2e-13, 3e5))
    right.legend(fontsize=8, loc="upper right")
    return figure


OUT.mkdir(parents=True, exist_ok=True)
drawn().savefig(OUT / "imle_likelihood.png")
print(f"The picture is {OUT / 'imle_likelihood.png'}")
