"""Adam for every player, the schedule of the rate, and the averages that the model takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ..core.errors import UserError
from .settings import Optimizer

Tensors = tuple[Tensor, ...] | list[Tensor]


def make_optimizers(
    players: Mapping[str, nn.Module], config: Optimizer, lazy: Mapping[str, Collection[int]] | None = None
) -> dict[str, torch.optim.Adam]:
    r"""One fused Adam per player, with what the player has of its own.

    One that takes a further step with every k-th of its steps has its rate times c, and its decays to the power of c,
    with :math:`c = k / (k + 1)`: it moves as far, and forgets as fast, as if there were none (lazy regularisation:
    Karras et al. 2020, appendix B).

    Args:
        players: the modules that are trained, by player.
        config: what is said of all of them, and of each.
        lazy: every k of each player, by player; none for those that are not there.

    Raises:
        UserError: something is said of a player that there is not.
    """
    for name in config.players:
        if name not in players:
            raise UserError(
                f"'optimizer.{name}' is of no player: here they are {_listed(list(players))}. Correct the name, or "
                f"leave it out with --optimizer.{name} null."
            )
    made = {}
    for name, module in players.items():
        own = {"lr": config.lr, "beta1": config.beta1, "beta2": config.beta2, **_own(config, name)}
        more = [1 / k for k in (lazy or {}).get(name, ())]
        c = 1 / (1 + sum(more)) if more else 1.0
        betas, lr = (own["beta1"] ** c, own["beta2"] ** c), own["lr"] * c
        adam = torch.optim.Adam(module.parameters(), lr=lr, betas=betas, fused=True)
        adam.param_groups[0]["full_lr"] = lr
        made[name] = adam
    return made


def make_cadence(turns: Sequence[str], config: Optimizer) -> dict[str, int]:
    """Of which steps each player moves in: every one, every second...

    A step has all turns in their order, and what a player descends may rest on the turns before its own: the generator
    learns from what the discriminator said in the same step, the prior from what the generator did. So no player takes
    more steps than one before it.

    Args:
        turns: the players in the order of their turns.
        config: says how many steps each takes for one of a player that says nothing.

    >>> from .settings import Player
    >>> make_cadence(["discriminator", "generator"], Optimizer(players={"discriminator": Player(steps=5)}))
    {'discriminator': 1, 'generator': 5}

    Raises:
        UserError: a player would take more steps than one before it, or the numbers do not fit into each other.
    """
    steps = {name: int(_own(config, name).get("steps", 1)) for name in turns}
    most = max(steps.values(), default=1)
    for (before, more), (name, mine) in pairwise(steps.items()):
        if mine > more:
            raise UserError(
                f"'optimizer.{name}.steps' is {mine}, but must be at most {more}, as for {before}, whose turn comes "
                "first and which it learns from."
            )
    for name, mine in steps.items():
        if most % mine:
            raise UserError(
                f"'optimizer.{name}.steps' is {mine}, but must divide the most steps that a player takes, {most}."
            )
    return {name: most // mine for name, mine in steps.items()}


def _own(config: Optimizer, name: str) -> dict[str, float]:
    return config.players[name].to_dict() if name in config.players else {}


def _listed(words: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


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
