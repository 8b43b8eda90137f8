"""Batch norm equals torch's in one process, and in two processes equals one process on the joined batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed
from torch import nn

from allmodes.networks.norm import BatchNorm

SHAPES = [(6, 4), (6, 4, 5, 3)]
STEPS = 2


def batch(shape: tuple[int, ...], step: int) -> torch.Tensor:
    """Far from zero, and unlike in its two halves: statistics of a half are not those of the whole."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(step)) + 10
    x[: len(x) // 2] *= 3
    return x


def weights_of(x: torch.Tensor) -> torch.Tensor:
    """A loss that is no plain sum, whose gradient batch norm would make vanish."""
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(99))


def fresh(channels: int) -> BatchNorm:
    norm = BatchNorm(channels)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 2, channels))
        norm.bias.copy_(torch.linspace(-1, 1, channels))
    return norm


def trained(norm: nn.Module, shape: tuple[int, ...], *, rank: int = 0, size: int = 1) -> dict[str, torch.Tensor]:
    """Outputs, gradients and statistics after a few batches, of which this process has its share."""
    for step in range(STEPS):
        whole = batch(shape, step)
        x = whole.chunk(size)[rank].clone().requires_grad_()
        out = norm(x)
        (out * weights_of(whole).chunk(size)[rank]).sum().backward()
    return {
        "out": out.detach(),
        "input": x.grad,
        "weight": norm.weight.grad,
        "bias": norm.bias.grad,
        "mean": norm.running_mean.clone(),
        "variance": norm.running_var.clone(),
    }


@pytest.mark.parametrize("shape", SHAPES, ids=["vectors", "images"])
class TestInOneProcess:
    def reference(self, shape):
        norm = nn.BatchNorm1d(shape[1]) if len(shape) == 2 else nn.BatchNorm2d(shape[1])
        norm.load_state_dict(fresh(shape[1]).state_dict(), strict=False)
        return norm

    def test_equals_torchs(self, shape):
        expected, got = trained(self.reference(shape), shape), trained(fresh(shape[1]), shape)
        for key, value in expected.items():
            torch.testing.assert_close(got[key], value, msg=lambda text, key=key: f"{key}: {text}")

    def test_uses_the_running_statistics_when_sampling(self, shape):
        norm, reference = fresh(shape[1]), self.reference(shape)
        trained(norm, shape)
        trained(reference, shape)
        x = batch(shape, 7)
        torch.testing.assert_close(norm.eval()(x), reference.eval()(x))


def share(rank: int, folder: str) -> None:
    """What each of two processes does."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    for shape in SHAPES:
        norm = fresh(shape[1])
        got = trained(norm, shape, rank=rank, size=2)
        got["sampled"] = norm.eval()(batch(shape, 7)).detach()
        torch.save(got, Path(folder) / f"{len(shape)}-{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_equal_one_on_the_joined_batch(tmp_path):
    torch.multiprocessing.spawn(share, (str(tmp_path),), nprocs=2)
    for shape in SHAPES:
        norm = fresh(shape[1])
        expected = trained(norm, shape)
        expected["sampled"] = norm.eval()(batch(shape, 7)).detach()
        halves = [torch.load(tmp_path / f"{len(shape)}-{rank}.pt", weights_only=True) for rank in (0, 1)]
        joined = {key: torch.cat([half[key] for half in halves]) for key in ("out", "input")}
        # each process has the gradient of its share of the loss; training adds them up
        joined |= {key: halves[0][key] + halves[1][key] for key in ("weight", "bias")}
        for key in ("out", "input", "weight", "bias"):
            torch.testing.assert_close(joined[key], expected[key], atol=2e-5, rtol=1e-4)
        for half in halves:
            for key in ("mean", "variance", "sampled"):
                torch.testing.assert_close(half[key], expected[key], atol=2e-5, rtol=1e-4)
