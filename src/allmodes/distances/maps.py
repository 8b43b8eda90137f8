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
        L tensors ``(n, C h w)``.
    """
    units = (seen / (seen.pow(2).sum(1, keepdim=True).add(TINY).sqrt() + least) for seen in maps)
    return [(unit * (len(maps) * unit[0, 0].numel()) ** -0.5).flatten(1) for unit in units]
