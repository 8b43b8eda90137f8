"""Vision transformers that others have trained, through the package ``transformers``: DINOv2 (Oquab et al. 2023), which
learned from photographs alone, and what sees in CLIP (Radford et al. 2021), which learned from them and their captions.

Weights are read from safetensors alone: of a folder, or of the model hub, whose client checks what it downloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ...core.errors import UserError
from ...core.files import read_object

EXTRA = "the package transformers is not installed: pip install 'allmodes[views]'"


@dataclass(frozen=True)
class Published:
    """A network that others have trained.

    Args:
        name: what messages call it.
        kind: its class in ``transformers``.
        types: what the ``config.json`` of such weights may name as their ``model_type``.
        repository: on the model hub.
        revision: of the repository, one that holds ``model.safetensors``.
    """

    name: str
    kind: str
    types: frozenset[str]
    repository: str
    revision: str


def is_at_hand(network: Published) -> bool:
    """Whether its package is installed and its weights were downloaded before."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return False
    found = try_to_load_from_cache(network.repository, "model.safetensors", revision=network.revision)
    return isinstance(found, str)


def load_published(network: Published, path: Path | None = None) -> nn.Module:
    """The network with its weights, frozen.

    Args:
        network: which.
        path: a folder that holds ``config.json`` and ``model.safetensors``, as the hub has them; by default they are
            downloaded once.

    Raises:
        UserError: the package is not installed, or there are no such weights.
    """
    found, report = _loaded(network, path, network.kind, use_safetensors=True, output_loading_info=True)
    if missing := sorted(report["missing_keys"]):
        place = path or network.repository
        raise UserError(f"The weights in {place} are not whole: {missing[0]} is missing. Get them again.")
    return found.float().eval().requires_grad_(False)  # type: ignore[no-any-return]


def load_tokenizer(network: Published, path: Path | None = None) -> Any:
    """What makes tokens of CLIP's texts, from the same place as the weights.

    Args:
        network: whose.
        path: a folder that holds ``tokenizer.json``, too; downloaded by default.

    Raises:
        UserError: the package is not installed, or it is not there.
    """
    return _loaded(network, path, "CLIPTokenizer")


def _loaded(network: Published, path: Path | None, kind: str, **options: Any) -> Any:
    """What a class of the package loads from the folder, or from the hub."""
    try:
        import transformers
    except ImportError as error:
        raise UserError(f"{network.name} cannot be used: {EXTRA}.") from error
    _require_kind(network, path)
    source: dict[str, Any] = {"revision": network.revision} if path is None else {"local_files_only": True}
    place = network.repository if path is None else str(path)
    load: Callable[..., Any] = getattr(transformers, kind).from_pretrained
    try:
        with _quiet(transformers.logging, bars=path is None and not is_at_hand(network)):
            return load(place, **options, **source)
    except Exception as error:  # of the client, the network or the file: many kinds
        if path is None:
            raise UserError(
                f"The weights of {network.name} ({place}) are not on this machine and cannot be downloaded "
                f"({_first(error)}): give a folder that holds them with --distance.path."
            ) from error
        raise UserError(f"{path} does not hold the weights of {network.name} ({_first(error)}).") from error


@contextmanager
def _quiet(logging: Any, *, bars: bool) -> Iterator[None]:
    """Within this context the package tells nothing of every weight that half of CLIP does not need.

    Args:
        logging: of the package.
        bars: whether it may draw bars, as of a download.
    """
    spoken, drawn = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    if not bars:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(spoken)
        if drawn:
            logging.enable_progress_bar()


def _require_kind(network: Published, path: Path | None) -> None:
    if path is None:
        return
    if not (path / "model.safetensors").is_file():
        raise UserError(
            f"{path} holds no weights of {network.name}: give a folder with config.json and model.safetensors, as the "
            f"repository {network.repository} has them."
        )
    found = read_object(path / "config.json").get("model_type")
    if found not in network.types:
        raise UserError(f"{path} holds weights of '{found}', not of {network.name}: give another folder.")


def _first(error: Exception) -> str:
    """The first line of what a library says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
