"""Where results go: refused before the work, in one sentence, whatever the system has against it."""

from __future__ import annotations

import pytest

from allmodes.core.errors import UserError
from allmodes.core.outputs import require_folder, require_writable


@pytest.mark.parametrize("require", [require_writable, require_folder])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a" * 300, "Cannot write .*: File name too long. Choose a shorter name."),
        ("/".join(["a" * 200] * 30), "Cannot write .*: File name too long. Choose a shorter name."),
        ("file/under/it", "Cannot write .*: .*/file is a file. Choose another place"),
        ("loop", "Cannot write .*loop: .*loop is a link to what is not there"),
        ("dangling/under/it", "Cannot write .*: .*dangling is a link to what is not there"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_the_work(require, name, sentence, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(UserError, match=sentence):
        require(tmp_path / name)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_new_place_is_welcome(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    for name in ("new", "a/b/c.png", "link/x"):
        require_writable(tmp_path / name)
        require_folder(tmp_path / name)
