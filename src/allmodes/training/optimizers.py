"""Adam for every player, the schedule of the rate, and the averages that the model takes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from .settings import Optimizer

Tensors = tuple[Tensor, ...] | list[Tensor]


def make_optimizers(players: Mapping[str, nn.Module], config: Optimizer) -> dict[str, torch.optim.Adam]:
    """One fused Adam per player."""
    made = {}
    for name, module in players.items():
        lr = config.lr
        if name == "discriminator" and config.discriminator_lr is not None:
            lr = config.discriminator_lr
        adam = torch.optim.Adam(module.parameters(), lr=lr, betas=(config.beta1, config.beta2), fused=True)
        adam.param_groups[0]["full_lr"] = lr
        made[name] = adam
    return made


def rate(progress: float, config: Optimizer) -> float:
    """Share of the full rate: 1 for the first part of the training, then linearly down to ``final``.

    >>> [rate(p, Optimizer(constant=0.5, final=0.0)) for p in (0.0, 0.5, 0.75, 1.0)]
    [1.0, 1.0, 0.5, 0.0]
    """
    if progress <= config.constant:
        return 1.0
    return 1.0 - (1.0 - config.final) * (progress - config.constant) / (1.0 - config.constant)


def set_rate(optimizers: Mapping[str, torch.optim.Adam], share: float) -> None:
    """Set every player's rate to ``share`` of its full one."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = group["full_lr"] * share


def make_average(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential average of weights and buffers, with warm-up: decay_t = min(decay, (1 + t) / (10 + t))."""

    @torch.no_grad()
    def average(kept: Tensors, new: Tensors, seen: Tensor | int) -> None:
        t = int(seen)
        weight = 1.0 - min(decay, (1.0 + t) / (10.0 + t))
        if kept[0].is_floating_point():
            torch._foreach_lerp_(kept, new, weight)
        else:
            torch._foreach_copy_(kept, new)

    return AveragedModel(network, multi_avg_fn=average, use_buffers=True)
