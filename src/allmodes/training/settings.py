"""The settings of a training: how it descends, how long, how large, how often, and on what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..core.configuration import parameters, resolve_arguments
from ..core.errors import UserError, did_you_mean

MOST_THREADS = 1_024


@dataclass(frozen=True)
class Player:
    """What one player has of its own; for what is None it has the common value, and one step.

    Args:
        lr: learning rate.
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared gradient.
        steps: that it takes for each one of a player that says nothing.
    """

    lr: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    steps: int | None = None

    def to_dict(self) -> dict[str, float]:
        """What it has of its own."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Optimizer:
    """Adam for every player.

    Args:
        lr: learning rate.
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared gradient.
        constant: share of the training at the full rate; it then falls linearly.
        final: share of the rate that is left at the end.
        players: what single ones have of their own, by name.
    """

    lr: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99
    constant: float = 0.5
    final: float = 0.02
    players: Mapping[str, Player] = field(default_factory=dict)

    def __post_init__(self) -> None:
        common: Player | Optimizer = self
        for prefix, own in {"": common, **{f"{name}.": own for name, own in self.players.items()}}.items():
            if own.lr is not None and not 0 < own.lr < math.inf:
                raise UserError(f"'optimizer.{prefix}lr' is {own.lr}, but must be above 0.")
            for key in ("beta1", "beta2"):
                if (value := getattr(own, key)) is not None:
                    require_share(f"optimizer.{prefix}{key}", value, whole=False)
        for name, own in self.players.items():
            if own.steps is not None and own.steps < 1:
                raise UserError(f"'optimizer.{name}.steps' is {own.steps}, but must be at least 1.")
        for key in ("constant", "final"):
            require_share(f"optimizer.{key}", getattr(self, key))

    def to_dict(self) -> dict[str, Any]:
        """As a recipe says it."""
        common = {key: value for key, value in asdict(self).items() if key != "players"}
        return common | {name: own.to_dict() for name, own in self.players.items()}


def read_optimizer(config: Mapping[str, Any], source: str) -> Optimizer:
    """What a recipe says of it: ``{lr: 0.001, discriminator: {lr: 0.0005, steps: 2}}``.

    Args:
        config: the mapping.
        source: the recipe, for messages.

    Raises:
        UserError: an unknown key, or a value that does not fit.
    """
    _refuse_former(config, source)
    common = frozenset(parameters(Optimizer)) - {"players"}
    players = {}
    for name, own in config.items():
        if isinstance(own, Mapping) and name not in common:
            players[name] = Player(**resolve_arguments(Player, own, frozenset(), f"optimizer.{name}"))
        elif name not in common and own is not None:
            hint = "What a player has of its own is written --optimizer.prior.lr 0.001."
            raise UserError(f"Unknown key 'optimizer.{name}'.{did_you_mean(name, common)} {hint}")
    said = {name: value for name, value in config.items() if name in common}
    resolved = resolve_arguments(Optimizer, said, frozenset({"players"}), "optimizer")
    return Optimizer(**resolved, players={name: own for name, own in players.items() if own != Player()})


FORMER = {"discriminator_lr": ("lr", None), "discriminator_steps": ("steps", 1)}


def _refuse_former(config: Mapping[str, Any], source: str) -> None:
    """Name what earlier versions called otherwise, and how it is said now."""
    if not (used := [key for key in FORMER if key in config]):
        return
    now = {FORMER[key][0]: config[key] for key in used if config[key] != FORMER[key][1]}
    written = ", ".join(f"{key}: {value}" for key, value in now.items())
    typed = "".join(f" --optimizer.discriminator.{key} {value}" for key, value in now.items())
    instead = f"write optimizer: {{discriminator: {{{written}}}}}, or type{typed}" if now else "leave it out"
    names = " and ".join(f"'optimizer.{key}'" for key in used)
    raise UserError(f"{source} has {names}, as earlier versions had: {instead}.")


@dataclass(frozen=True)
class Settings:
    """How long, how large, how often, and on what. Everything that is counted is counted in images.

    Args:
        images: data examples to train on.
        batch: examples per step, over all processes.
        seed: of every random draw.
        ema: decay of the averages of generator and prior, which are kept as the model, per step that they take.
        precision: of the networks; losses are in float32. ``auto`` takes bfloat16 where it was measured to be faster.
        device: ``auto`` takes a GPU if there is one.
        threads: CPU threads of each process.
        log_every: images between two lines of metrics.jsonl.
        sample_every: images between two sample grids.
        evaluate_every: images between two quick evaluations; 0 for none before the end.
        patience: images for which samples may be copies, by the quick evaluations of few images, before the training
            ends with the model from before; 0 for no such end.
        checkpoint_seconds: time between two checkpoints.
    """

    images: int = 100_000
    batch: int = 128
    seed: int = 0
    ema: float = 0.998
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 2
    log_every: int = 12_800
    sample_every: int = 64_000
    evaluate_every: int = 0
    patience: int = 0
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(f"'seed' is {self.seed}, but must be at least 0.")
        for key in ("images", "batch", "threads", "log_every", "sample_every"):
            if getattr(self, key) < 1:
                raise UserError(f"'{key}' is {getattr(self, key)}, but must be at least 1.")
        for key in ("evaluate_every", "patience"):
            if getattr(self, key) < 0:
                raise UserError(f"'{key}' is {getattr(self, key)}, but must be at least 0.")
        if self.patience and not self.evaluate_every:
            raise UserError(
                "'patience' is decided by quick evaluations, and 'evaluate_every' is 0: set it to 5000, for example, "
                "or patience to 0."
            )
        if self.threads > MOST_THREADS:
            raise UserError(f"'threads' is {self.threads}, but must be at most {MOST_THREADS:,}.")
        require_share("ema", self.ema, whole=False)


def require_share(field: str, value: float, *, whole: bool = True) -> None:
    """Raise a UserError unless a value lies between 0 and 1; without ``whole``, below 1."""
    if not (0 <= value < 1 or (whole and value == 1)):
        raise UserError(f"'{field}' is {value}, but must be from 0 to {'' if whole else 'below '}1.")
