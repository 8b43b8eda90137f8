"""A training ends when its samples have been copies for a while, with the model from before, and can go on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from allmodes.bench.speed import make_trainer
from allmodes.cli.commands.train import summary
from allmodes.core.errors import UserError
from allmodes.core.records import Score
from allmodes.evaluation.evaluate import Evaluation
from allmodes.model import load
from allmodes.reports.compare import cautions
from allmodes.reports.run_files import read_run
from allmodes.reports.sections.samples import Samples
from allmodes.runs import run as runs
from allmodes.runs.run import Run, train
from allmodes.training.patience import Looks
from allmodes.training.recipe import load_recipe

EVERY, BATCH = 192, 64
SMALL = {
    "images": 20 * EVERY,
    "batch": BATCH,
    "evaluate_every": EVERY,
    "sample_every": 2 * EVERY,
    "log_every": EVERY,
    "patience": 2 * EVERY,
    "generator.width": 8,
    "matching.pool": 64,
    "threads": 1,
    "device": "cpu",
    "checkpoint_seconds": 0,
}


def course(*lows: float, patience: int = 2) -> list[bool]:
    """Whether a training is over after each of these looks, one presentation apart."""
    looks, found = Looks(), []
    for images, low in enumerate(lows, 1):
        looks = looks.after(images, low)
        found.append(looks.over(patience))
    return found


def test_copies_at_all_looks_of_the_patience_end_it() -> None:
    assert course(0, 0, 0.05, 0.05, 0.05) == [False, False, False, False, True]
    assert course(0, 0.05, patience=1) == [False, False]
    assert course(0, 0.05, 0.05, patience=1) == [False, False, True]


def test_one_look_without_copies_starts_the_count_anew() -> None:
    assert not any(course(0, 0.05, 0.05, 0, 0.05, 0.05))
    assert course(0, 0.05, 0.05, 0, 0.05, 0.05, 0.05)[-1]


def test_copies_that_are_not_certainly_above_two_percent_do_not_end_it() -> None:
    assert not any(course(0, *[0.02] * 20))
    assert course(0, *[0.0201] * 3)[-1]


def test_without_a_look_that_saw_none_or_without_patience_it_never_ends() -> None:
    assert not any(course(*[0.5] * 20))
    assert not any(course(0, *[0.5] * 20, patience=0))


def test_looks_that_are_forgiven_count_from_the_latest() -> None:
    looks = Looks(latest=9, clean=3, since=4).forgiven()
    assert not looks.over(2)
    assert not looks.after(10, 0.5).over(2)
    assert looks.after(11, 0.5).over(2)
    assert Looks(latest=9, clean=9).forgiven() == Looks(latest=9, clean=9)


@pytest.fixture(autouse=True)
def copies_from_the_fifth_look_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Points in place of pictures: from 5 x EVERY presentations on, whoever looks finds a third of copies."""

    def planted(subject: runs.Subject) -> Evaluation:
        assert subject.model is not None
        seen = subject.model.card["images"] >= 5 * EVERY
        value, interval = (0.33, (0.2, 0.4)) if seen else (0.0, (0.0, 0.1))
        return Evaluation((Score("copied_mass", value, interval, 100, 100),))

    monkeypatch.setattr(runs, "evaluate", planted)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the runs that tests share."""
    return tmp_path_factory.mktemp("kept")


def run_of(kept: Path, name: str, **overrides: object) -> Path:
    if not (kept / name).exists():
        train("ring/imle", kept / name, overrides=SMALL | overrides)
    return kept / name


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "model.safetensors")


def same(one: Path, two: Path) -> bool:
    a, b = weights(one), weights(two)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


SENTENCE = (
    "It ended after 1,344 of 3,840 presentations, as its samples have been copies of training images, some of them, "
    "since 960: the model is that of 768. --patience 0 goes on."
)


def test_the_model_is_that_of_the_last_look_without_copies(kept: Path) -> None:
    """A training of the same schedule that is interrupted there has the same averaged weights."""
    ended = run_of(kept, "ended")
    trainer = make_trainer(load_recipe("ring/imle", SMALL | {"patience": 0}))
    while trainer.images < 4 * EVERY:
        trainer.one_step()
    expected = trainer.kept.generator.state_dict()
    assert all(torch.equal(weights(ended)[f"generator.{key}"], value) for key, value in expected.items())
    assert load(ended).card["images"] == 4 * EVERY


def test_bar_log_report_and_last_words_say_so(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train("ring/imle", tmp_path / "run", overrides=SMALL)
    assert f"{run.path} is trained. {SENTENCE}" in capsys.readouterr().err
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert [line["words"] for line in lines if line["kind"] == "ended"] == [SENTENCE]
    assert [line["images"] for line in lines if line.get("whole")] == [4 * EVERY]
    assert max(line["images"] for line in lines) == 7 * EVERY
    files = read_run(run.path)
    assert SENTENCE in (Samples().render(files) or "")
    assert files.pictures[-1].images == 4 * EVERY
    assert any(SENTENCE in caution for caution in cautions([run.path]))
    answer = summary(run)
    assert SENTENCE in answer.text
    assert answer.document["ended"] == SENTENCE


def test_the_same_command_says_that_it_is_finished(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(kept, "ended")
    before = sorted((path, path.stat().st_mtime_ns) for path in run.rglob("*") if path.is_file())
    capsys.readouterr()
    train("ring/imle", run, overrides=SMALL)
    assert f"{run} is finished. {SENTENCE} --fresh trains it again." in capsys.readouterr().err
    train("ring/imle", run, overrides=SMALL | {"patience": EVERY})
    assert sorted((path, path.stat().st_mtime_ns) for path in run.rglob("*") if path.is_file()) == before


def test_the_model_from_before_comes_with_the_latents_of_then() -> None:
    trainer = make_trainer(load_recipe("ring/imle", SMALL | {"matching.refresh": 2}))
    for _ in range(3):
        trainer.one_step()
    trainer.look(0.0)
    then = trainer.objective.assigned()
    for _ in range(3):
        trainer.one_step()
    assert torch.equal(trainer.assigned, trainer.objective.assigned())
    assert not torch.equal(trainer.assigned, then)
    trainer.go_back()
    assert torch.equal(trainer.assigned, then)


def test_patience_0_goes_on_as_if_it_had_never_ended(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(run_of(kept, "ended"), tmp_path / "run")
    whole = run_of(kept, "whole", patience=0)
    run = train("ring/imle", tmp_path / "run", overrides=SMALL | {"patience": 0})
    assert same(run.path, whole)
    assert run.ended is None
    assert read_run(run.path).pictures[-1].images == 20 * EVERY


def test_more_patience_and_more_images_go_on_for_that_long(kept: Path, tmp_path: Path) -> None:
    for name, changes, expected in (
        ("patience", {"patience": 5 * EVERY}, 10 * EVERY),  # copies since the fifth look
        ("images", {"images": 30 * EVERY}, 9 * EVERY),  # as patient as before, from the end on
    ):
        shutil.copytree(run_of(kept, "ended"), tmp_path / name)
        run = train("ring/imle", tmp_path / name, overrides=SMALL | changes)
        assert run.ended is not None
        assert (run.ended.images, run.ended.model) == (expected, 4 * EVERY)


def test_stopped_at_any_look_it_ends_the_same(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session is interrupted after one look more; the last one after its training has ended."""
    out, look = tmp_path / "run", runs.Trainer.look
    for _ in range(8):
        seen = []

        def stopping(trainer: runs.Trainer, low: float, seen: list[float] = seen) -> bool:
            seen.append(low)
            trainer.stop = True
            return look(trainer, low)

        with monkeypatch.context() as patch:
            patch.setattr(runs.Trainer, "look", stopping)
            if (out / "evaluation.json").exists():
                break
            try:
                train("ring/imle", out, overrides=SMALL)
            except KeyboardInterrupt:
                assert len(seen) == 1
    assert same(out, run_of(kept, "ended"))
    assert str(Run(out).ended) == SENTENCE
    (out / "evaluation.json").unlink()  # killed in the evaluation at the end
    assert same(train("ring/imle", out, overrides=SMALL).path, run_of(kept, "ended"))
    kinds = [json.loads(line)["kind"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert kinds.count("ended") == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"patience": -1}, "'patience' is -1, but must be at least 0"),
        ({"patience": "long"}, "'patience' is 'long', but must be of type int"),
        ({"evaluate_every": -1}, "'evaluate_every' is -1, but must be at least 0"),
        (
            {"patience": 100, "evaluate_every": 0},
            "'patience' is decided by quick evaluations, and 'evaluate_every' is 0",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        load_recipe("ring/imle", changes)


def test_a_card_that_is_no_card_is_one_sentence(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(run_of(kept, "ended"), tmp_path / "run")
    (tmp_path / "run" / "model" / "config.json").write_text('{"card": {"ended": {"images": "many"}}}')
    with pytest.raises(UserError, match="is damaged"):
        _ = Run(tmp_path / "run").ended
