"""A run: a folder that holds everything known about a training, and goes on from wherever it stopped.

``recipe.yaml`` (complete), ``environment.json``, ``metrics.jsonl``, ``samples/``, ``checkpoints/``, ``model/``,
``evaluation.json``, and ``report.html`` beside them.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from ..core.errors import UserError
from ..core.files import PARTIAL, left_behind, read_object, read_text, write_json, write_text, writing
from ..core.locks import held, locked, refusal
from ..core.outputs import require_folder
from ..core.pictures import save_animation
from ..core.progress import showing
from ..data.base import Dataset
from ..model import Model, load
from . import checkpoint
from .bar import Bar
from .build import build_dataset, build_objective
from .callbacks import Checkpoints, Every, Interruptible, Log, current_scalars
from .environment import environment
from .evaluation import Evaluation, evaluate, subject
from .notices import announce
from .pictures import current_model, save_nearest, save_picture, save_real
from .precision import settled
from .processes import enough_memory, launch, leave
from .protocols.base import Subject
from .recipe import WORDS, Recipe, load_recipe, parse_recipe
from .trainer import Callback, Trainer

INDIFFERENT = frozenset({"recipe", "threads", "device", "checkpoint_seconds", *WORDS})  # a run goes on all the same
LOCK = ".lock"
AT_WORK = "another training is at work there"


class Run:
    """A run folder.

    Args:
        path: the folder.

    Attributes:
        leads: whether this process is the one that writes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.leads = int(os.environ.get("RANK", "0")) == 0  # of several processes, one writes

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe it was trained by."""
        if not (self.path / "recipe.yaml").exists():
            raise UserError(f"{self.path} is not a run: it holds no recipe.yaml. Give a folder made by train.")
        return load_recipe(self.path / "recipe.yaml")

    def model(self) -> Model:
        """The trained model."""
        return load(self.path)

    def dataset(self) -> Dataset:
        """The data that it was trained on.

        Raises:
            UserError: they are not there, or not as they were.
        """
        found = build_dataset(self.recipe)
        if found.fingerprint != self.model().card.get("data", {}).get("fingerprint"):
            raise UserError(f"The data are not those that {self.path} was trained on: bring them back.")
        return found

    @property
    def finished(self) -> bool:
        """Whether the training has ended and was evaluated."""
        return (self.path / "evaluation.json").exists()

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
    def lock(self) -> Path:
        """What a training holds while it works in the folder."""
        return self.path / LOCK

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
) -> Run:
    """Train by a recipe into a run folder, or go on with the run that is there.

    Args:
        recipe: a packaged recipe's name, a YAML file, or a loaded recipe.
        out: the run folder; ``runs/<recipe>`` by default.
        overrides: changes to the recipe, ``{"images": 1000, "generator.width": 64}``.
        fresh: start over instead of going on.

    Raises:
        UserError: something the user can mend, such as a broken recipe or a run of another recipe in ``out``.
        KeyboardInterrupt: interrupted; everything was saved.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe, overrides)
    run = Run(out if out is not None else Path("runs") / recipe.name.removesuffix(".yaml").replace("/", "-"))
    recipe = settled(recipe, begun(run, fresh).get("precision"))
    fabric = launch(recipe.settings)
    if fabric.is_global_zero:
        check_folder(run, recipe, fresh)
    if run.finished and not fresh and Run(run.path).recipe.settings.images >= recipe.settings.images:
        print(f"{run.path} is finished: use --fresh to train it again, or more --images to go on.", file=sys.stderr)
        leave()
        return run
    with ExitStack() as work:
        trainer = go_on(run, recipe, fabric, fresh, work)
    leave()
    if fabric.is_global_zero and not trainer.done:
        raise KeyboardInterrupt(f"Saved after {trainer.images:,} presentations: the same command goes on from there.")
    return run


def go_on(run: Run, recipe: Recipe, fabric: Fabric, fresh: bool, work: ExitStack) -> Trainer:
    """Train in the run's folder, from its newest checkpoint on if there is one, until done or interrupted.

    The folder is touched once everything is built: a recipe that asks for what is not there leaves it as it was. Its
    lock is held as long as ``work`` lasts.
    """
    began, dataset = time.monotonic(), build_dataset(recipe)
    with enough_memory():
        trainer = Trainer(recipe, build_objective(recipe, dataset, fabric.device), dataset=dataset, fabric=fabric)
    trainer.began = began
    if fabric.is_global_zero:
        with writing(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
            work.enter_context(locked(run.lock, AT_WORK))
        open_folder(run, recipe, fabric, fresh)
    fabric.barrier()
    resume(trainer, run)
    with enough_memory():
        if fabric.is_global_zero:
            attend(trainer, run)
        else:
            with Interruptible(trainer):
                trainer.fit([])
    return trainer


def begun(run: Run, fresh: bool) -> Mapping[str, Any]:
    """The recipe, as it stands in the folder, of a training that can be gone on with; nothing if there is none."""
    ours = run.path / "recipe.yaml"
    if fresh or not ours.exists() or not (run.finished or any(run.checkpoints.glob("*.safetensors"))):
        return {}
    return parse_recipe(read_text(ours), str(ours))


def check_folder(run: Run, recipe: Recipe, fresh: bool) -> None:
    """See that the folder is free, or holds a run of the same recipe, or of any if it is to start over.

    A run of fewer images goes on to more.

    Raises:
        UserError: the folder holds something else, or a run of a recipe that differs, or a training works in it.
    """
    ours = run.path / "recipe.yaml"
    require_folder(run.path)
    if run.lock.exists() and held(run.lock):
        raise UserError(refusal(run.lock, AT_WORK))
    if not ours.exists():
        if run.path.exists() and not all(path.name == LOCK or PARTIAL in path.name for path in run.path.iterdir()):
            raise UserError(f"{run.path} is not empty and not a run: choose another folder with --out.")
        return
    before, now = begun(run, fresh), recipe.to_dict()
    for key in [*now, *before] if before else []:
        if before.get(key) != now.get(key) and key not in INDIFFERENT and not longer(key, before, now):
            raise UserError(
                f"{run.path} was begun with {key}: {before.get(key)!r}, not {now.get(key)!r}. "
                "Use --fresh to start over, or --out for another folder."
            )


def longer(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the recipes differ here only in that the second trains for more images."""
    numbers = before.get(key), now.get(key)
    return key == "images" and all(isinstance(number, int) for number in numbers) and numbers[0] < numbers[1]  # type: ignore[operator]


def open_folder(run: Run, recipe: Recipe, fabric: Fabric, fresh: bool) -> None:
    """Make the folder, empty if it is to start over, and say in it what is trained and where."""
    with writing(run.path):
        if fresh and (run.path / "recipe.yaml").exists():
            for path in run.path.iterdir():
                if path.name != LOCK:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in left_behind(run.path):
            path.unlink(missing_ok=True)
        if run.finished:  # it goes on to more images: what was said of its end no longer holds
            (run.path / "evaluation.json").unlink()
            for name in ("audit", "model"):
                shutil.rmtree(run.path / name, ignore_errors=True)
    write_text(run.path / "recipe.yaml", recipe.to_yaml())
    write_json(run.path / "environment.json", environment(fabric))


def resume(trainer: Trainer, run: Run) -> None:
    """Take up the newest checkpoint, if there is one."""
    found = checkpoint.load_newest(run.checkpoints)
    if found is not None:
        trainer.load_state(*found)
        if trainer.fabric.is_global_zero and not trainer.done:
            print(f"Going on with {run.path} after {trainer.images:,} presentations.", file=sys.stderr)


def attend(trainer: Trainer, run: Run) -> None:
    """Train with everything a person wants beside it; if it was not interrupted, leave model and evaluation."""
    settings = trainer.settings
    with writing(run.samples):
        run.samples.mkdir(exist_ok=True)
    if trainer.step == 0:
        for left in run.samples.glob("images-*.png"):  # by a run that never came to a checkpoint
            left.unlink()
    log = Log(run.path / "metrics.jsonl", trainer.step, done=trainer.done)
    trainer.earlier = max(trainer.earlier, log.elapsed)
    announce(trainer, run.path)
    checkpoints = Checkpoints(run.checkpoints, settings.checkpoint_seconds)
    bar = Bar(trainer, trainer.recipe.name)

    def look(trainer: Trainer) -> None:
        found = evaluate(subject(trainer, quick=True))
        bar.headline = found.headline()
        log.write(trainer, "evaluation", bar.headline)

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
    model = current_model(trainer)
    model.save(run.path / "model")
    save_real(trainer.dataset, run.samples)
    save_nearest(trainer.dataset, model, run.samples)
    save_picture(trainer, run.samples)
    save_animation(sorted(run.samples.glob("images-*.png")), run.samples / "training.gif")
    found = evaluate(subject(trainer))
    log.write(trainer, "evaluation", {**found.headline(), **current_scalars(trainer)}, whole=True)
    write_json(run.path / "evaluation.json", found.to_json())


def evaluate_run(path: str | Path) -> Evaluation:
    """Evaluate a trained run again, from its model and its data.

    Raises:
        UserError: the folder holds no model, or the data have changed since.
    """
    run = Run(path)
    fabric = launch(run.recipe.settings)
    model = run.model().to(fabric.device)
    return evaluate(Subject(model.sample, run.dataset(), run.recipe.settings.seed, fabric.device, model=model))
