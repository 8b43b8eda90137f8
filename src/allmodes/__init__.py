"""allmodes: generative models that cover every mode of their data, and the measurements that prove it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .core.waiting import wait_briefly

if TYPE_CHECKING:
    from .api import Findings, Model, Run, audit, load, train

__all__ = ["Findings", "Model", "Run", "audit", "load", "train"]
__version__ = "0.1.0"

wait_briefly()


def __getattr__(name: str) -> Any:
    """Import on first use, so that the command line's help need not wait for torch."""
    if name in __all__:
        return getattr(import_module(".api", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
