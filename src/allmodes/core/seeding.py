"""Randomness without hidden state.

Every random draw comes from a generator named by what it is for and when: ``stream(seed, "latents", step)``.
Nothing has to be saved to resume a run, and any process can draw any part of any stream.
"""

from __future__ import annotations

import hashlib

import torch


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed that depends on ``seed`` and on every name, and on nothing else."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def stream(seed: int, *names: str | int) -> torch.Generator:
    """A CPU generator for the draws of this name. Equal arguments give equal draws, on every machine."""
    return torch.Generator().manual_seed(derive_seed(seed, *names))
