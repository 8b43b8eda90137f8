"""The training loop: one page, one trainer for every method.

Each step: the next batch; if a round of matching is due, prepare; then for each player in turn: zero, loss,
backward, step; then the averages of generator and prior; then the callbacks.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor

from ..core.errors import UserError
from ..core.moment import Moment
from ..data.base import Dataset
from ..objectives.base import Objective, Update
from ..priors.base import Prior
from . import checkpoint
from .kept import Kept
from .optimizers import make_cadence, make_optimizers, rate, set_rate
from .patience import Ended, Looks
from .processes import FabricWorkers, average_gradients, gradient_norm, synchronise
from .recipe import Recipe


class Callback(Protocol):
    """Something that happens beside the training and does not change it."""

    def after_step(self, trainer: Trainer) -> None:
        """Called after every step, in every process."""
        ...


TOGETHER = 10  # steps between two looks of several processes whether one of them was asked to stop


class Trainer:
    """Trains the players of an objective on a dataset.

    Attributes:
        step: steps done.
        round: figures of the latest round of matching, by name.
        losses: losses and figures of the latest step, ``player/name``.
        seconds: wall time spent in steps and matching, over all sessions.
        began: when this session began, on the monotonic clock.
        earlier: wall time of earlier sessions.
        matching_seconds: of these, in matching.
        stop: set to end after the step in progress.
        prolonged: where it went on to more images than it was to have, although something had gone by these: the
            ``images`` by then, the length ``of`` the training until then, and ``what`` went by it.
        looks: what quick evaluations have seen of copies, see :mod:`.patience`.
        clean: the model of the last one that saw none.
        went_back: whether the model is that one, see :meth:`go_back`.
    """

    def __init__(self, recipe: Recipe, objective: Objective, *, dataset: Dataset, fabric: Fabric) -> None:
        self.recipe = recipe
        self.settings = recipe.settings
        self.objective = objective
        self.dataset = dataset
        self.fabric = fabric
        self.workers = FabricWorkers(fabric)
        self.players = {name: module.to(fabric.device).train() for name, module in objective.players().items()}
        synchronise(self.players.values(), fabric)
        lazy = {name: {term.lazy for term in objective.terms if term.player == name} - {0} for name in self.players}
        self.optimizers = make_optimizers(self.players, recipe.optimizer, lazy)
        self.cadence = make_cadence(list(dict.fromkeys(term.player for term in objective.terms)), recipe.optimizer)
        self.kept = Kept(self.players, objective.prior, self.settings.ema)
        self.finite = torch.ones((), dtype=torch.bool, device=fabric.device)
        self.step = 0
        self.seconds = 0.0
        self.began, self.earlier = time.monotonic(), 0.0
        self.matching_seconds = 0.0
        self.round: Mapping[str, float] = {}
        self.losses: dict[str, Tensor] = {}
        self.stop = False
        self.prolonged: list[dict[str, Any]] = []
        self.looks = Looks()
        self.clean: dict[str, Tensor] = {}
        self.went_back = False

    @property
    def images(self) -> int:
        """Data examples seen."""
        return self.step * self.settings.batch

    @property
    def elapsed(self) -> float:
        """Wall time of all sessions, with everything beside the steps."""
        return self.earlier + time.monotonic() - self.began

    @property
    def done(self) -> bool:
        """Whether the training has seen all its images, or has ended early."""
        return self.images >= self.settings.images or self.ended is not None

    @property
    def ended(self) -> Ended | None:
        """How it ended early, if it did: see :mod:`.patience`."""
        looks = self.looks
        if looks.clean is None or looks.since is None or not looks.over(self.settings.patience):
            return None
        return Ended(looks.latest, self.settings.images, looks.since, looks.clean)

    def fit(self, callbacks: Sequence[Callback]) -> None:
        """Train until done, or until ``stop`` is set.

        Raises:
            UserError: a loss is not finite.
        """
        while self.images < self.settings.images and not self.stopping():
            began = time.perf_counter()
            self.one_step()
            self.seconds += time.perf_counter() - began
            for callback in callbacks:
                callback.after_step(self)
        self.require_finite()

    def stopping(self) -> bool:
        """Whether any process was asked to stop. Several ask each other every few steps, and stop at the same one."""
        if self.workers.size == 1:
            return self.stop
        asked = torch.tensor(float(self.stop), device=self.fabric.device)
        return self.step % TOGETHER == 0 and bool(self.workers.gather(asked).any())

    def one_step(self) -> None:
        """One step of every player."""
        moment = self.moment()
        whole = moment.upcoming(0)
        batch = whole.share(self.workers.rank, self.workers.size).to(self.fabric.device)
        set_rate(self.optimizers, rate(moment.progress, self.recipe.optimizer))
        if self.objective.due(moment):
            self.prepare(moment)
        if self.acts("generator"):
            self.losses = {}
        with self.fabric.autocast():
            for update in self.objective.updates(batch, moment):
                if self.acts(update.player) and self.comes(update):
                    self.turn(update)
        self.kept.update(self.acts)
        self.step += 1

    def acts(self, player: str) -> bool:
        """Whether this step is one of the player's."""
        return (self.step + 1) % self.cadence[player] == 0

    def comes(self, update: Update) -> bool:
        """Whether this turn comes with that of the player at this step: always, unless it is lazy."""
        return not update.lazy or (self.step + 1) // self.cadence[update.player] % update.lazy == 0

    def moment(self) -> Moment:
        """Where the training stands."""
        settings, step = self.settings, self.step
        return Moment(
            step=step,
            progress=self.images / settings.images,
            seed=settings.seed,
            batch_size=settings.batch,
            device=self.fabric.device,
            workers=self.workers,
            upcoming=lambda ahead: self.dataset.batch(step + ahead, settings.batch, settings.seed),
            examples=len(self.dataset) if self.dataset.fixed else None,
        )

    def prepare(self, moment: Moment) -> None:
        """A round of matching, timed."""
        began = time.perf_counter()
        with self.fabric.autocast():
            self.round = self.objective.prepare(moment)
        self.matching_seconds += time.perf_counter() - began

    def turn(self, update: Update) -> None:
        """One player descends its loss."""
        optimizer = self.optimizers[update.player]
        optimizer.zero_grad(set_to_none=True)
        loss = update.closure()
        self.finite &= torch.isfinite(loss.value.detach())
        self.fabric.backward(loss.value)
        average_gradients(self.players[update.player], self.workers.size)
        norm = {} if update.lazy else {"gradient": gradient_norm(self.players[update.player])}
        scalars = {**loss.scalars, **norm}
        optimizer.step()
        self.losses |= {f"{update.player}/{name}": value for name, value in scalars.items()}

    def require_finite(self) -> None:
        """Raise a UserError if a loss since the start was not finite, a weight is not, or the prior is no law any more.

        No checkpoint is written after that, and nothing is measured.
        """
        self.objective.prior.require_sound()
        weights = (each for player in self.players.values() for each in player.parameters())
        if not bool(self.finite) or not all(bool(each.isfinite().all()) for each in weights):
            raise UserError(
                f"A loss or a weight became NaN or infinite before image {self.images:,}: nothing was saved since. "
                "Lower optimizer.lr or loss.gamma, and train anew: with --fresh, or in another folder."
            )

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and counters that a checkpoint holds."""
        tensors = self.model_state() | {f"clean.{k}": v for k, v in self.clean.items()}
        for name, module in self.players.items():
            tensors |= {f"player.{name}.{k}": v for k, v in module.state_dict().items()}
            flat = checkpoint.flatten_optimizer(self.optimizers[name])
            tensors |= {f"optimizer.{name}.{k}": v for k, v in flat.items()}
        tensors |= {f"objective.{k}": v for k, v in self.objective.state_dict().items()}
        seconds = {"seconds": self.seconds, "matching_seconds": self.matching_seconds, "elapsed": self.elapsed}
        length = {"of": self.settings.images, "prolonged": self.prolonged, "looks": asdict(self.looks)}
        latest = {"round": dict(self.round), "losses": {name: float(value) for name, value in self.losses.items()}}
        return tensors, {"step": self.step, **seconds, **length, **latest, "data": self.dataset.fingerprint}

    def model_state(self) -> dict[str, Tensor]:
        """The averaged generator, its prior and encoder, and the latents that serve the examples."""
        tensors = self.kept.state()
        return tensors if self.assigned is None else {**tensors, "assigned": self.assigned}

    @property
    def prior(self) -> Prior:
        """The prior of the model."""
        return self.kept.prior

    @property
    def assigned(self) -> Tensor | None:
        """The latents that serve the examples with the model as it stands, ``(n, d)``, where any do."""
        return self.clean.get("assigned") if self.went_back else self.objective.assigned()

    def look(self, low: float) -> bool:
        """Take account of a quick evaluation, and stop if the training ends by it.

        Args:
            low: lower end of the interval of the copied mass.

        Returns:
            Whether it ends by this one.
        """
        if self.ended:  # several processes still go on to where they stop together
            return False
        self.looks = self.looks.after(self.images, low)
        if self.looks.clean == self.images:
            self.clean = {key: value.detach().clone() for key, value in self.model_state().items()}
        self.stop = self.stop or self.ended is not None
        return self.ended is not None

    def go_back(self) -> None:
        """Take the model of the last look that saw no copies. Only for what comes after the training."""
        self.kept.load(self.clean)
        self.went_back = True

    @property
    def model_images(self) -> int:
        """Data examples seen by the model as it stands."""
        return self.looks.clean if self.went_back and self.looks.clean is not None else self.images

    def load_state(self, tensors: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
        """Take up a checkpoint.

        Raises:
            UserError: it was trained on other data, or written before checkpoints named them.
        """
        if "data" not in counters:
            raise UserError("This run was begun with an earlier version of allmodes: start over with --fresh.")
        if counters["data"] != self.dataset.fingerprint:
            raise UserError(
                "The data are not those that this run was trained on: bring them back, or start over with --fresh."
            )
        tensors = {key: value.to(self.fabric.device) for key, value in tensors.items()}
        self.kept.load(tensors)
        self.kept.count(int(counters["step"]) // self.cadence.get("prior", 1))
        for name, module in self.players.items():
            module.load_state_dict(checkpoint.below(tensors, f"player.{name}."))
            checkpoint.restore_optimizer(self.optimizers[name], checkpoint.below(tensors, f"optimizer.{name}."))
        self.objective.load_state_dict(checkpoint.below(tensors, "objective."))
        self.step = int(counters["step"])
        self.seconds, self.matching_seconds = counters["seconds"], counters["matching_seconds"]
        self.earlier = counters.get("elapsed", self.seconds)
        self.round = counters["round"]
        self.losses = {name: torch.tensor(value) for name, value in counters.get("losses", {}).items()}
        self.prolonged = list(counters["prolonged"])
        self.clean = checkpoint.below(tensors, "clean.")
        self.looks = Looks(**counters.get("looks", {}))
        length = int(counters["of"])
        if length < self.settings.images and self.ended:
            self.looks = self.looks.forgiven()
        self.stop = self.ended is not None
        if length < self.settings.images and (what := self.scheduled(length)):
            self.prolonged.append({"images": self.images, "of": length, "what": what})

    def scheduled(self, length: int) -> str | None:
        """What went by the length of the training so far, if that was so many images; None if nothing did."""
        progress = (self.images - self.settings.batch) / length
        falls = rate(progress, self.recipe.optimizer) < 1
        found = ["the learning rate (optimizer.constant)" if falls else None, self.objective.scheduled(progress)]
        return " and ".join(filter(None, found)) or None
