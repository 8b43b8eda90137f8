"""What a training keeps as the model: generator and prior as they are on average, an encoder as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from torch import Tensor, nn

from ..networks.base import Generator
from ..priors.base import Prior
from .checkpoint import below
from .optimizers import make_average


class Kept:
    """The averages of generator and prior, which move on when their player does.

    Args:
        players: of the objective, by name.
        prior: of the objective; one without parameters is kept as it is.
        decay: of the averages, per step of their player.
    """

    def __init__(self, players: Mapping[str, nn.Module], prior: Prior, decay: float) -> None:
        self.players = players
        self.average = make_average(players["generator"], decay)
        self.last_prior = prior
        learned = any(True for _ in prior.parameters())
        self.average_prior = make_average(prior, decay) if learned else None

    @property
    def generator(self) -> Generator:
        """As it is on average."""
        return cast(Generator, self.average.module)

    @property
    def prior(self) -> Prior:
        """As its parameters are on average, where it has any."""
        return self.last_prior if self.average_prior is None else cast(Prior, self.average_prior.module)

    def update(self, acts: Callable[[str], bool]) -> None:
        """After a step, in which those players moved of whom ``acts`` says so."""
        if acts("generator"):
            self.average.update_parameters(self.players["generator"])
        if self.average_prior is not None and acts("prior"):
            self.average_prior.update_parameters(self.last_prior)

    def state(self) -> dict[str, Tensor]:
        """Tensors that make up the model."""
        return {f"{name}.{key}": value for name, kept in self._modules().items() for key, value in kept.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`state` returned, among other tensors."""
        self.average.load_state_dict(below(tensors, "average."))
        self.prior.load_state_dict(below(tensors, "prior."))
        if "encoder" in self.players:
            self.players["encoder"].load_state_dict(below(tensors, "encoder."))

    def count(self, steps: int) -> None:
        """Set how many steps of the prior its average has seen; the generator's is among its tensors."""
        if self.average_prior is not None:
            self.average_prior.n_averaged.fill_(steps)

    def _modules(self) -> dict[str, Mapping[str, Tensor]]:
        kept = {"average": self.average, "prior": self.prior}
        kept |= {name: player for name, player in self.players.items() if name == "encoder"}
        return {name: module.state_dict() for name, module in kept.items()}
