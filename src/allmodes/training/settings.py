"""The settings of a training: how it descends, how long, how large, how often, and on what."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..core.errors import UserError

MOST_THREADS = 1_024


@dataclass(frozen=True)
class Optimizer:
    """Adam for every player.

    Args:
        lr: learning rate.
        discriminator_lr: the discriminator's, if it differs.
        discriminator_steps: of the discriminator for each of the other players.
        beta1: decay of the mean gradient.
        beta2: decay of the mean squared gradient.
        constant: share of the training at the full rate; it then falls linearly.
        final: share of the rate that is left at the end.
    """

    lr: float = 1e-3
    discriminator_lr: float | None = None
    discriminator_steps: int = 1
    beta1: float = 0.0
    beta2: float = 0.99
    constant: float = 0.5
    final: float = 0.02

    def __post_init__(self) -> None:
        if self.discriminator_steps < 1:
            raise UserError(f"'optimizer.discriminator_steps' is {self.discriminator_steps}, but must be at least 1.")
        for key in ("lr", "discriminator_lr"):
            if (value := getattr(self, key)) is not None and not 0 < value < math.inf:
                raise UserError(f"'optimizer.{key}' is {value}, but must be above 0.")
        for key in ("beta1", "beta2"):
            require_share(f"optimizer.{key}", getattr(self, key), whole=False)
        for key in ("constant", "final"):
            require_share(f"optimizer.{key}", getattr(self, key))


@dataclass(frozen=True)
class Settings:
    """How long, how large, how often, and on what. Everything that is counted is counted in images.

    Args:
        images: data examples to train on.
        batch: examples per step, over all processes.
        seed: of every random draw.
        ema: decay per step of the averaged generator that is kept as the model.
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
