"""Where a training takes place, to be kept beside its figures."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from ..training.trainer import Trainer


def environment(trainer: Trainer) -> dict[str, Any]:
    """Where the run takes place."""
    device = trainer.fabric.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {
        "device": str(device),
        "device_name": name,
        "processes": trainer.workers.size,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def processor() -> str:
    """The processor as its maker calls it, with the number of its cores."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"
