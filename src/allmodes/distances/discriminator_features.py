"""Distance in what the discriminator sees, or saw a little while ago."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..core.errors import UserError
from ..networks.base import Discriminator
from .base import Distance


class DiscriminatorFeatures(Distance):
    """Features before the discriminator's score, scaled to their number.

    The discriminator is a player: gradients reach the images through it, never its weights.

    Args:
        lag: 0 looks through the discriminator as it is; above 0 through an exponential average of its weights,
            which moves by ``1 - lag`` at every round of matching, so that matches stay valid for longer.
    """

    name = "discriminator-features"
    needs = "discriminator"
    averaged = True

    def __init__(self, *, lag: float = 0.0) -> None:
        super().__init__()
        if not 0 <= lag < 1:
            raise UserError(f"'distance.lag' is {lag}, but must be at least 0 and below 1.")
        self.lag = lag
        self._player: list[Discriminator] = []
        self.lagged: nn.Module | None = None

    def attach(self, network: nn.Module) -> None:
        if not isinstance(network, Discriminator):
            raise TypeError("discriminator-features look through a discriminator")
        network.require_alone("the distance 'discriminator-features'")
        self._player = [network]
        if self.lag > 0:
            self.lagged = copy.deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        if self.lagged is not None:
            for kept, new in zip(self.lagged.parameters(), self._player[0].parameters(), strict=True):
                kept.lerp_(new, 1 - self.lag)

    @property
    def steady(self) -> bool:
        return self.lagged is not None

    def moving(self) -> nn.Module:
        return nn.Module() if self.lagged is None else self.lagged

    def embed(self, images: Tensor) -> Tensor:
        network = _Features(self.lagged if self.lagged is not None else self._player[0])
        fixed = {key: value.detach() for key, value in network.state_dict(keep_vars=True).items()}
        seen: Tensor = functional_call(network, fixed, (images,))
        scale: float = seen.shape[1] ** -0.5
        return seen * scale

    def fingerprint(self) -> str:
        return f"discriminator-features(lag={self.lag})"


class _Features(nn.Module):
    """A discriminator's features as a forward pass, which is what ``functional_call`` calls."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, images: Tensor) -> Tensor:
        seen: Tensor = self.discriminator.features(images)  # type: ignore[operator]
        return seen
