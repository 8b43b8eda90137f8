"""A run: a folder that holds everything known about a training, and goes on from wherever it stopped.

``recipe.yaml`` (complete), ``environment.json``, ``metrics.jsonl``, ``samples/``, ``checkpoints/``, ``model/``,
``evaluation.json``, of few images ``assigned.safetensors``, of a mixture prior ``mixture.json``, and ``report.html``
beside them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from ..core.errors import UserError
from ..core.files import read_object, remove, write_json, write_text
from ..core.pictures import save_animation
from ..core.progress import showing
from ..core.tensors import load_tensors, save_tensors
from ..data.base import Dataset
from ..evaluation.answers import given
from ..evaluation.evaluate import Evaluation, evaluate
from ..evaluation.mixture import is_mixture, mixture_seen
from ..evaluation.protocols.base import Subject
from ..model import Model, load
from ..training import checkpoint
from ..training.build import build_dataset, build_objective
from ..training.current import current_model, subject
from ..training.patience import SCORE, Ended
from ..training.precision import settled
from ..training.processes import Fabric, enough_memory, launch, leave
from ..training.recipe import Recipe, load_recipe
from ..training.trainer import Callback, Trainer
from .bar import Bar
from .callbacks import Checkpoints, Every, Interruptible, Log, current_scalars
from .ended import read_ended
from .environment import environment
from .folder import ASSIGNED, MIXTURE, begun, check_folder, claimed, open_folder
from .notices import announce, rare_components
from .pictures import picture_path, save_components, save_latents, save_nearest, save_picture, save_real


class Run:
    """A run folder.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe it was trained by."""
        if not (self.path / "recipe.yaml").exists():
            raise UserError(f"{self.path} is not a run: it holds no recipe.yaml. Give a folder made by train.")
        return load_recipe(self.path / "recipe.yaml")

    def model(self) -> Model:
        """The trained model."""
        return load(self.path)

    def dataset(self, model: Model) -> Dataset:
        """The data that this model of the run was trained on.

        Raises:
            UserError: they are not there, or not as they were.
        """
        found, stated = build_dataset(self.recipe), model.card.get("data")
        if not isinstance(stated, dict) or found.fingerprint != stated.get("fingerprint"):
            raise UserError(f"The data are not those that {self.path} was trained on: bring them back.")
        return found

    def assigned(self, model: Model) -> Tensor | None:
        """The latents that the training of this model assigned to its examples, ``(m, d)``, if they were kept.

        Raises:
            UserError: the file is damaged, or that of another run.
        """
        path = self.path / ASSIGNED
        if not path.exists():
            newest = None if (self.path / "model").is_dir() else checkpoint.load_newest(self.checkpoints)
            return None if newest is None else newest[0].get("assigned")
        found = load_tensors(path).tensors.get("latents")
        if found is None or found.ndim != 2 or found.shape[1] != model.prior.dim or not bool(found.isfinite().all()):
            raise UserError(f"{path} does not belong to this run: copy the run again, or delete that file.")
        return found

    @property
    def finished(self) -> bool:
        """Whether the training has ended and was evaluated."""
        return (self.path / "evaluation.json").exists()

    @property
    def ended(self) -> Ended | None:
        """How the training ended early, if it did: see :mod:`allmodes.training.patience`."""
        return read_ended(self.path)

    def evaluation(self) -> Evaluation:
        """The evaluation at the end of the training."""
        path = self.path / "evaluation.json"
        try:
            return Evaluation.from_json(read_object(path))
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise UserError(f"{path} is damaged, or of another kind: delete it and give train again.") from error

    @property
    def samples(self) -> Path:
        """Folder of the pictures."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"


def train(
    recipe: str | Path | Recipe,
    out: str | Path | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    fresh: bool = False,
    then: Callable[[Run], None] = lambda run: None,
) -> Run:
    """Train by a recipe into a run folder, or go on with the run that is there.

    Args:
        recipe: a packaged recipe's name, a YAML file, or a loaded recipe.
        out: the run folder; ``runs/<recipe>`` by default.
        overrides: changes to the recipe, ``{"images": 1000, "generator.width": 64}``.
        fresh: start over instead of going on.
        then: what one process does with the finished run before another training may have its folder.

    Raises:
        UserError: something the user can mend, such as a broken recipe or a run of another recipe in ``out``.
        KeyboardInterrupt: interrupted; everything was saved.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides)
    run = Run(out if out is not None else Path("runs") / recipe.name.removesuffix(".yaml").replace("/", "-"))
    recipe = settled(recipe, begun(run.path, fresh).get("precision"))
    fabric = launch(recipe.settings)
    with claimed(run.path) if fabric.is_global_zero else nullcontext():
        if fabric.is_global_zero:
            check_folder(run.path, recipe, fresh)
        if not fresh and trained(run.path, recipe):
            how = run.ended or "Use more --images to go on."
            print(f"{run.path} is finished. {how} --fresh trains it again.", file=sys.stderr)
            leave()
        else:
            trainer = go_on(run, recipe, fabric, fresh)
            leave()
            if fabric.is_global_zero and not trainer.done:
                raise KeyboardInterrupt(f"Saved after {trainer.images:,} presentations: the same command goes on.")
        if fabric.is_global_zero:
            then(run)
    return run


def trained(path: Path, recipe: Recipe) -> bool:
    """Whether the folder holds a finished run of as many images, or more, or one that ended early and would again."""
    run, asked = Run(path), recipe.settings
    if not run.finished or run.recipe.settings.images < asked.images:
        return False
    return run.ended is None or run.ended.holds(asked.patience, asked.images)


def go_on(run: Run, recipe: Recipe, fabric: Fabric, fresh: bool) -> Trainer:
    """Train in the run's folder, from its newest checkpoint on if there is one, until done or interrupted.

    The folder is touched once everything is built: a recipe that asks for what is not there leaves it as it was.
    """
    began, dataset = time.monotonic(), build_dataset(recipe)
    with enough_memory():
        trainer = Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)
    trainer.began = began
    if not fresh:
        resume(trainer, run)
    fabric.barrier()
    if fabric.is_global_zero:
        open_folder(run.path, fresh)
        write_text(run.path / "recipe.yaml", recipe.to_yaml())
        write_json(run.path / "environment.json", environment(trainer))
    with enough_memory():
        if fabric.is_global_zero:
            attend(trainer, run)
        else:
            with Interruptible(trainer):
                trainer.fit([])
    return trainer


def resume(trainer: Trainer, run: Run) -> None:
    """Take up the newest checkpoint, if there is one.

    Raises:
        UserError: it is damaged, as are all others, or it does not fit.
    """
    found = checkpoint.load_newest(run.checkpoints)
    if found is None:
        return
    try:
        trainer.load_state(*found)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"The newest checkpoint in {run.path} is of another version of allmodes: start over with --fresh ({error})."
        ) from error
    if not trainer.fabric.is_global_zero:
        return
    if not trainer.done:
        print(f"Going on with {run.path} after {trainer.images:,} presentations.", file=sys.stderr)
    for past in trainer.prolonged:
        print(
            f"{run.path} was to end after {past['of']:,} presentations, and {past['what']} went by that until "
            f"{past['images']:,}: it does not become what one training of {trainer.settings.images:,} would. "
            "For that, start over with --fresh.",
            file=sys.stderr,
        )


def attend(trainer: Trainer, run: Run) -> None:
    """Train with everything a person wants beside it; if it was not interrupted, leave model and evaluation."""
    settings = trainer.settings
    if trainer.step == 0:
        for left in run.samples.glob("images-*.png"):  # by a run that never came to a checkpoint
            remove(left)
    log = Log(run.path / "metrics.jsonl", trainer.step, done=trainer.done)
    trainer.earlier = max(trainer.earlier, log.elapsed)
    announce(trainer, run.path)
    checkpoints = Checkpoints(run.checkpoints, settings.checkpoint_seconds)
    bar = Bar(trainer, trainer.recipe.name)

    def look(trainer: Trainer) -> None:
        found = evaluate(subject(trainer, quick=True))
        bar.headline = found.headline()
        log.write(trainer, "evaluation", bar.headline)
        if (low := found.low(SCORE)) is not None and trainer.look(low):
            log.write(trainer, "ended", {}, words=str(trainer.ended))

    pictures = Every(settings.sample_every, lambda trainer: save_picture(trainer, run.samples))
    callbacks: list[Callback] = [bar, log, pictures, Every(settings.evaluate_every, look), checkpoints]
    with showing(bar.progress), Interruptible(trainer):
        if trainer.step == 0:
            save_picture(trainer, run.samples)
        trainer.fit(callbacks)
        checkpoints.save(trainer)
    if trainer.done:
        finish(trainer, run, log)


def finish(trainer: Trainer, run: Run, log: Log) -> None:
    """Leave the model, its evaluation, pictures of samples and of the data, an animation; the evaluation comes last."""
    if trainer.ended:
        print(f"{run.path} is trained. {trainer.ended}", file=sys.stderr)
        trainer.go_back()
    model = current_model(trainer)
    for notice in rare_components(model.prior):
        print(notice, file=sys.stderr)
    model.save(run.path / "model")
    save_real(trainer.dataset, run.samples)
    save_nearest(trainer.dataset, model, run.samples)
    save_picture(trainer, run.samples)
    grids = [path for path in sorted(run.samples.glob("images-*.png")) if path <= picture_path(trainer, run.samples)]
    save_animation(grids, run.samples / "training.gif")
    found = evaluate(seen := subject(trainer))
    if seen.assigned is not None and "prior_gap" in found.headline():
        save_tensors(run.path / ASSIGNED, {"latents": seen.assigned})
        save_latents(trainer.dataset, model, seen.assigned, run.samples)
    if is_mixture(model):
        save_components(trainer.dataset, model, run.samples)
        write_json(run.path / MIXTURE, mixture_seen(model, trainer.dataset, seed=seen.seed, device=seen.device))
    log.write(trainer, "evaluation", {**found.headline(), **current_scalars(trainer)}, whole=True)
    write_json(run.path / "evaluation.json", found.to_json())


def evaluate_run(path: str | Path, *, steps: int | None = None) -> Evaluation:
    """Evaluate a trained run again, from its model and its data.

    Args:
        path: of the run.
        steps: that the solver of a flow takes; None for those of its recipe.

    Raises:
        UserError: the folder holds no model, the data have changed since, or the generator takes no steps.
    """
    run = Run(path)
    fabric = launch(run.recipe.settings)
    model = run.model().to(fabric.device)
    if steps is not None:
        model.solve_in(steps)
    dataset, seed, assigned = run.dataset(model), run.recipe.settings.seed, run.assigned(model)
    return evaluate(Subject(given(model, dataset), dataset, seed, fabric.device, model=model, assigned=assigned))
