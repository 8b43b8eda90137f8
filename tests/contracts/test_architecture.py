"""What holds for all of the source: sizes, imports, and nothing that runs a stranger's code."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import allmodes

SOURCE = Path(allmodes.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
HEAVY = ("torch", "matplotlib", "jsonargparse", "numpy", "scipy", "sklearn", "PIL", "rich", "yaml", "lightning_fabric")
FORBIDDEN = {
    *("torchvision", "torch_fidelity", "cleanfid", "lpips", "timm", "piq", "plotly", "streamlit", "ot", "numba"),
    *("pickle", "cPickle", "dill", "shelve", "cloudpickle"),
}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def loads_unsafely(call: ast.Call) -> bool:
    """``torch.load`` without ``weights_only=True``, or ``numpy.load`` with ``allow_pickle``."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "load"):
        return False
    options = {word.arg: getattr(word.value, "value", None) for word in call.keywords}
    module = getattr(call.func.value, "id", "")
    return (module == "torch" and options.get("weights_only") is not True) or bool(options.get("allow_pickle"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
class TestEveryFile:
    def test_is_at_most_300_lines(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300

    def test_has_functions_of_at_most_40_lines(self, path: Path) -> None:
        functions = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        long = {n.name: lines for n in functions if (lines := n.end_lineno - n.lineno + 1) > 40}  # type: ignore[operator]
        assert not long

    def test_says_what_it_is_for(self, path: Path) -> None:
        tree = tree_of(path)
        assert not tree.body or ast.get_docstring(tree)

    def test_imports_nothing_forbidden(self, path: Path) -> None:
        assert not imports(tree_of(path)) & FORBIDDEN

    def test_never_runs_code_from_a_file(self, path: Path) -> None:
        calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
        assert not [call.lineno for call in calls if loads_unsafely(call)]
        assert not [call.lineno for call in calls if getattr(call.func, "id", "") in {"eval", "exec"}]

    def test_passes_no_kwargs_through(self, path: Path) -> None:
        functions = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef)]
        assert not [node.name for node in functions if node.args.kwarg and node.args.kwarg.arg == "kwargs"]


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["sampel"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from allmodes.cli import main; "
        f"main({words!r}); print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stderr.splitlines()[-1] == "[]"
