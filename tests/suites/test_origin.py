"""The commit that figures are noted with: of the checkout that holds the code, and of no other."""

from __future__ import annotations

import subprocess
from pathlib import Path

from allmodes.suites.origin import commit, origin


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_a_checkout_says_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "__init__.py").write_text("")
    assert commit(tmp_path) is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    assert commit(tmp_path) == git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "__init__.py").write_text("changed = True\n")
    assert commit(tmp_path) == git(tmp_path, "rev-parse", "HEAD") + "+"


def test_a_package_within_somebody_elses_checkout_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "mine.txt").write_text("mine")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "__init__.py").write_text("")
    assert commit(tmp_path / "site") is None


def test_the_origin_names_machine_and_versions() -> None:
    found = origin()
    assert all(found[key] for key in ("machine", "platform", "torch", "python"))
