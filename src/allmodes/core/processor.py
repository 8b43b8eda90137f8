"""What this machine's processor can do."""

from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
INSTRUCTIONS = "avx512_bf16"  # a processor with amx_bf16 has these, too


def has_bfloat16() -> bool:
    """Whether it multiplies bfloat16 by instructions of its own, some four times as fast as float32."""
    return CPUINFO.exists() and INSTRUCTIONS in CPUINFO.read_text(encoding="utf-8").split()
