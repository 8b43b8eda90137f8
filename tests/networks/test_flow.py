"""Solvers against exact solutions and polynomials, and flows against the equations that they solve."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch import nn
from torch.nn import functional as F

from allmodes.core.errors import UserError
from allmodes.networks.flow import Flow, waves
from allmodes.networks.generators.unet import Block, UNet
from allmodes.networks.generators.velocity_mlp import VelocityMLP
from allmodes.networks.solvers import TABLEAUX, integrate, stages

ORDERS = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}
CALLS = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}


def points(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestSolvers:
    def test_every_method_is_tried(self):
        assert TABLEAUX.keys() == ORDERS.keys()

    @pytest.mark.parametrize("solver", ORDERS)
    def test_converges_by_its_order_to_the_solution_of_a_linear_equation(self, solver):
        """x' = A x + b (1 + t): with a state that holds t, too, its solution is one matrix exponential."""
        matrix, push = points(3, 3), points(3)
        whole = np.zeros((5, 5))
        whole[:3, :3], whole[:3, 3], whole[:3, 4], whole[4, 3] = matrix, push, push, 1
        start = points(4, 3, seed=2)
        state = np.concatenate([start.numpy(), np.ones((4, 1)), np.zeros((4, 1))], axis=1)
        exact = torch.from_numpy((state @ expm(whole).T)[:, :3])

        def error(steps: int) -> float:
            found = integrate(lambda x, t: x @ matrix.T + push * (1 + t[:, None]), start, steps=steps, solver=solver)
            return float((found - exact).norm())

        fallen = np.log2([error(20) / error(40), error(40) / error(80)])
        assert fallen == pytest.approx(ORDERS[solver], abs=0.15)

    @pytest.mark.parametrize("solver", ORDERS)
    @pytest.mark.parametrize("degree", range(4))
    def test_is_exact_for_a_power_of_time_below_its_order(self, solver, degree):
        found = integrate(lambda x, t: t[:, None] ** degree + 0 * x, torch.zeros(2, 1), steps=3, solver=solver)
        exact = abs(float(found[0, 0]) - 1 / (degree + 1)) < 1e-6
        assert exact == (degree < ORDERS[solver])

    @pytest.mark.parametrize("solver", ORDERS)
    def test_calls_are_those_that_are_counted(self, solver):
        seen = []
        integrate(lambda x, t: seen.append(t) or x, torch.ones(2, 3), steps=5, solver=solver)
        assert len(seen) == 5 * stages(solver) == 5 * CALLS[solver]

    def test_no_step_is_refused(self):
        with pytest.raises(UserError, match="'steps' is 0, but must be at least 1"):
            integrate(lambda x, t: x, torch.ones(1, 1), steps=0, solver="euler")


class Decay(Flow):
    """v = -rate (x - 3 t)."""

    name = "decay"

    def __init__(self, shape=(2,), latent=2, *, steps=5, solver="rk4") -> None:
        super().__init__(shape, latent, steps=steps, solver=solver)
        self.rate = nn.Parameter(torch.tensor(1.0))

    def velocity(self, x, t):
        return -self.rate * (x - 3 * t.view(-1, *[1] * (x.ndim - 1)))


class TestFlow:
    def test_a_sample_is_the_solution_from_its_latent_on(self):
        """x' = 3 t - x from z: x(1) = z / e + 3 / e."""
        z = points(6, 2).float()
        torch.testing.assert_close(Decay()(z), (z + 3) / np.e, atol=1e-4, rtol=1e-4)

    def test_images_are_clipped_and_points_are_not(self):
        z = 3 * points(6, 12).float()
        points_, images = Decay((12,), 12), Decay((3, 2, 2), 12)
        torch.testing.assert_close(images(z).flatten(1), points_(z).clamp(-1, 1))
        assert float(points_(z).detach().abs().max()) > 1

    def test_a_flow_says_its_network_calls_and_another_generator_says_one(self):
        from allmodes.networks.generators.toy_mlp import ToyMLP

        flow = Decay(steps=7, solver="midpoint")
        assert (flow.calls, ToyMLP((2,), 2).calls) == (14, 1)
        flow.steps = 3
        assert flow.calls == 6

    @pytest.mark.parametrize("cls", [UNet, VelocityMLP])
    def test_a_latent_of_other_dimensions_is_refused(self, cls):
        with pytest.raises(UserError, match="these have 192 dimensions, not 6: take --prior.dim 192"):
            cls((3, 8, 8), 6)

    @pytest.mark.parametrize("cls", [UNet, VelocityMLP])
    def test_no_step_is_refused(self, cls):
        with pytest.raises(UserError, match="'steps' is 0, but must be at least 1"):
            cls((3, 8, 8), 192, steps=0)

    def test_times_are_told_apart(self):
        t = torch.linspace(0, 1, 1001)
        seen = waves(t, 16)
        assert seen.shape == (1001, 16)
        torch.testing.assert_close(seen[:, 0], t.cos())
        torch.testing.assert_close(seen[:, 8], t.sin())
        assert float(torch.cdist(seen, seen).add(10 * torch.eye(1001)).min()) > 1e-3


class TestUNet:
    @pytest.mark.parametrize(("side", "patch", "sides"), [(28, 2, [14, 7, 4]), (32, 1, [32, 16, 8, 4]), (7, 1, [7, 4])])
    def test_its_levels_halve_the_side_down_to_four(self, side, patch, sides):
        network = UNet((3, side, side), 3 * side**2, width=4, patch=patch)
        seen, level = [], network.levels
        while level is not None:
            level.down[0].register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[1:])))
            level = level.below
        x = torch.zeros(1, 3, side, side)
        assert network.velocity(x, torch.zeros(1)).shape == x.shape
        assert seen == [(4 if number == 0 else 8, at, at) for number, at in enumerate(sides)]

    def test_a_block_is_its_formula(self):
        torch.manual_seed(0)
        block, x, told = Block(4, 6, 5), torch.randn(3, 4, 7, 7), torch.randn(3, 5)

        def normed(values: torch.Tensor, norm: nn.GroupNorm) -> torch.Tensor:
            parts = values.reshape(3, norm.num_groups, -1)
            centred = parts - parts.mean(2, keepdim=True)
            unit = centred / (parts.var(2, keepdim=True, unbiased=False) + norm.eps).sqrt()
            return unit.view_as(values)  # weights and biases are 1 and 0 at the start

        first = block.first[2](F.silu(normed(x, block.first[0])))
        both = block.scale_and_shift(told)[..., None, None]
        hidden = normed(first, block.norm) * (1 + both[:, :6]) + both[:, 6:]
        expected = block.shortcut(x) + block.second(hidden * hidden.sigmoid())
        torch.testing.assert_close(block(x, told), expected, atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize("network", [UNet((1, 8, 8), 64, width=4), VelocityMLP((1, 8, 8), 64, width=8)])
    def test_time_matters_and_each_example_has_its_own(self, network):
        x = points(1, 1, 8, 8).float().expand(3, -1, -1, -1)
        seen = network.velocity(x, torch.tensor([0.2, 0.9, 0.2]))
        torch.testing.assert_close(seen[0], seen[2])
        assert float((seen[0] - seen[1]).detach().norm()) > 1e-3

    def test_a_pixel_of_the_whole_image_matters_to_every_other(self):
        torch.manual_seed(0)
        network = UNet((1, 28, 28), 784, width=4, patch=2)
        x = torch.randn(1, 1, 28, 28, requires_grad=True)
        network.velocity(x, torch.tensor([0.5]))[0, 0, 0, 0].backward()
        assert float(x.grad[0, 0, -1, -1].abs()) > 0

    def test_the_velocity_has_a_multiple_of_the_point_that_depends_on_the_time_alone(self):
        torch.manual_seed(0)
        network = UNet((1, 8, 8), 64, width=4)
        nn.init.zeros_(network.leave[-1].weight)
        nn.init.zeros_(network.leave[-1].bias)
        x = torch.randn(3, 1, 8, 8)
        ratio = network.velocity(x, torch.tensor([0.1, 0.8, 0.1])) / x
        torch.testing.assert_close(ratio, ratio[:, :1, :1, :1].expand_as(x), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(ratio[0], ratio[2], atol=1e-5, rtol=1e-4)
        assert float((ratio[0] - ratio[1]).detach().abs().min()) > 1e-4

    def test_parts_of_patches_are_refused(self):
        with pytest.raises(UserError, match="'patch' is 3, but must divide the side of the images, 8"):
            UNet((1, 8, 8), 64, patch=3)
