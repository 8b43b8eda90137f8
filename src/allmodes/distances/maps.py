r"""Maps of a network as LPIPS compares them (Zhang et al. 2018, equation 1, without its learned weights)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

TINY = 1e-20  # where nothing at all is seen, a root has no derivative


def unit_maps(maps: Sequence[Tensor], *, least: float = 1e-3) -> list[Tensor]:
    r"""Maps whose squared Euclidean distances add up to

    .. math:: \frac{1}{L} \sum_l \frac{1}{h_l w_l} \sum_{h, w}
              \Big| \frac{y_l(a)}{|y_l(a)|} - \frac{y_l(b)}{|y_l(b)|} \Big|^2

    Args:
        maps: L tensors ``(n, C, h, w)``.
        least: added to the lengths, so that a place where nearly nothing is seen is not blown up.

    Returns:
        L tensors ``(n, h w C)``: place by place, as networks whose maps are channels-last have them in memory.
    """
    last = [seen.permute(0, 2, 3, 1) for seen in maps]
    scales = [(len(maps) * places.shape[1] * places.shape[2]) ** -0.5 for places in last]
    lengths = [places.pow(2).sum(3, keepdim=True).add(TINY).sqrt() + least for places in last]
    return [(places * (s / length)).flatten(1) for places, s, length in zip(last, scales, lengths, strict=True)]
