"""One-to-one matching: near neighbours alone against the exact assignment, time and cost in the same run.

    python benchmarks/assignment.py

Examples are stacks of scikit-learn's digits, in pixels; candidates are other stacks, as of a generator that makes what
it should; thirty stacks again and again with a little noise, as of one that collapsed; or stacks without the digits 6
to 9, as of one that dropped them.
"""

from __future__ import annotations

import time

import torch
from scipy.optimize import linear_sum_assignment

from allmodes.core.seeding import stream
from allmodes.data.pixels import to_float
from allmodes.data.stacked import Stacked
from allmodes.matching.one_to_one import assigned

SIZES = (320, 640, 1_280, 2_560)


def main() -> None:
    """Print one row for each size and kind of candidates."""
    torch.set_num_threads(1)
    data = Stacked(source="digits")
    print("| examples | candidates | exact, s | ours, s | times faster | cost beyond the least |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        examples = data.batch(0, size, 0).images.flatten(1)
        other = data.batch(1, size, 1).images.flatten(1)
        few = data.batch(1, 30, 1).images.flatten(1)[torch.arange(size) % 30]
        noise = 0.02 * torch.randn(few.shape, generator=stream(0, "noise"))
        kinds = {"as the data": other, "collapsed": few + noise, "four digits dropped": without_some(data, size)}
        for kind, candidates in kinds.items():
            print(row(examples, candidates, kind))


def without_some(data: Stacked, size: int) -> torch.Tensor:
    """Stacks of the digits 0 to 5, ``(size, D)``."""
    images = data.digits.train_images[data.digits.train_labels < 6]
    chosen = torch.randint(len(images), (size, data.channels), generator=stream(0, "without"))
    return to_float(images[chosen]).flatten(1)


def row(examples: torch.Tensor, candidates: torch.Tensor, kind: str) -> str:
    """Both assignments of one problem."""
    began = time.perf_counter()
    squares = torch.cdist(examples, candidates).square()
    exact = torch.from_numpy(linear_sum_assignment(squares.numpy())[1])
    between = time.perf_counter()
    ours = assigned(examples, candidates)
    slow, fast = between - began, time.perf_counter() - between
    least, cost = (float(squares.gather(1, found[:, None]).sum()) for found in (exact, ours))
    return f"| {len(examples):,} | {kind} | {slow:.3f} | {fast:.3f} | {slow / fast:.1f} | {cost / least - 1:.3%} |"


if __name__ == "__main__":
    main()
