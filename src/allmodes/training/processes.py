"""Processes and devices, through Lightning Fabric: one process, several on one machine, or ``torchrun``."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric as Fabric  # for the rooms above, which know it from here
from torch import Tensor, nn

from ..core.errors import UserError
from .settings import Settings

logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # not to repeat which precision it was given


def launch(settings: Settings) -> Fabric:
    """Join the processes that were started for this training; one unless a launcher started several.

    Args:
        settings: of the training. A precision that is not settled, see :mod:`.precision`, is float32.

    Raises:
        UserError: the wanted device is not there, or the batch cannot be shared evenly.
    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise UserError("'device' is cuda, but this machine has no usable GPU: set --device cpu or auto.")
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # filling what is overwritten next helps to find bugs, changes no result, and is one call in seven of a step
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    accelerator = settings.device if settings.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    started = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // started
    strategy = "ddp" if started * nodes > 1 else "auto"
    fabric = Fabric(
        accelerator=accelerator,
        devices=started,
        num_nodes=nodes,
        strategy=strategy,
        precision="32-true" if settings.precision == "auto" else settings.precision,
    )
    fabric.launch()
    if settings.batch % fabric.world_size:
        raise UserError(f"'batch' is {settings.batch}, which {fabric.world_size} processes cannot share evenly.")
    return fabric


def leave() -> None:
    """Part from the other processes, all at once; threads of the group that outlive it can abort the exit."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


class FabricWorkers:
    """The processes of a Fabric, as algorithms see them."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.rank = fabric.global_rank
        self.size = fabric.world_size

    def gather(self, tensor: Tensor) -> Tensor:
        """See :class:`allmodes.core.workers.Workers`."""
        if self.size == 1:
            return tensor[None]
        gathered = self.fabric.all_gather(tensor)
        assert isinstance(gathered, Tensor)
        return gathered


def average_gradients(module: nn.Module, size: int) -> None:
    """Replace every gradient by its mean over all processes, in one collective call.

    This takes the place of DistributedDataParallel, whose hooks allow neither one graph for two players nor the
    double backward of gradient penalties.
    """
    if size == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(flat)
    flat /= size
    for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def gradient_norm(module: nn.Module) -> Tensor:
    """The Euclidean norm of all gradients of a module together."""
    norms = torch._foreach_norm([p.grad for p in module.parameters() if p.grad is not None])
    norm: Tensor = torch.stack(list(norms)).norm()
    return norm


def synchronise(modules: Iterable[nn.Module], fabric: Fabric) -> None:
    """Give every process the weights of the first."""
    if fabric.world_size > 1:
        for module in modules:
            for tensor in module.state_dict().values():
                torch.distributed.broadcast(tensor, 0)


@contextmanager
def enough_memory() -> Iterator[None]:
    """Within this context an allocation that fails becomes one sentence.

    Raises:
        UserError: out of memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        words = str(error).lower()
        if not isinstance(error, MemoryError) and "allocate memory" not in words and "out of memory" not in words:
            raise
        raise UserError(
            "Out of memory: lower matching.block (candidates held at once), matching.refresh (examples matched at "
            "once), batch or the width of the networks. matching.pool does not count: candidates are streamed."
        ) from error
