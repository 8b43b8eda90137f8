"""The one way to write: whole or not at all, and every refusal of the system is a sentence."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys

import pytest

from allmodes.core.errors import UserError
from allmodes.core.files import append_line, write_text, writing

WAITING = """
import sys, time
from pathlib import Path
from allmodes.core.files import atomic
with atomic(Path(sys.argv[1])) as temporary:
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("code", [errno.EROFS, errno.EPERM, errno.EFBIG, errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("write", [write_text, append_line])
def test_a_refusal_names_the_file_and_what_to_do(code, write, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UserError, match=rf"Cannot write .*a\.txt: {os.strerror(code)}\. \w+.*\."):
        write(tmp_path / "a.txt", "x")
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_too_long_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="Choose a shorter name"):
        write_text(tmp_path / ("a" * 300), "x")
    with pytest.raises(UserError, match="Choose a shorter name"):
        append_line(tmp_path / ("a" * 300), "x")


def test_a_limit_on_sizes_keeps_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom allmodes.core.files import write_text\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_text(Path(sys.argv[1]), 'x' * 5000)"
    )
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "a.txt"], capture_output=True, text=True)
    assert "UserError: Cannot write" in done.stderr
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("what", ["atomic", "atomic_folder"])
def test_what_a_kill_left_goes_at_the_next_start_and_what_is_being_written_stays(what, tmp_path):
    program = WAITING.replace("atomic", what)
    writer = subprocess.Popen([sys.executable, "-c", program, tmp_path / "a.txt"], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    write_text(tmp_path / "b.txt", "beside it")
    assert len(list(tmp_path.iterdir())) == 2
    writer.kill()
    writer.wait()
    again = "import sys; from pathlib import Path; from allmodes.core.files import write_text\n"
    again += "write_text(Path(sys.argv[1]), 'x')"
    subprocess.run([sys.executable, "-c", again, tmp_path / "b.txt"], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


@pytest.mark.parametrize("code", [errno.EROFS, errno.EPERM, errno.EACCES, errno.ENOTDIR, errno.EISDIR, errno.EEXIST])
def test_only_a_full_disk_is_told_to_be_emptied(code, tmp_path):
    with pytest.raises(UserError) as refused, writing(tmp_path):
        raise OSError(code, os.strerror(code))
    assert "space" not in str(refused.value)
    with pytest.raises(UserError, match="Free some space"), writing(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
