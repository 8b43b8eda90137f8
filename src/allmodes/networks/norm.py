"""Normalisation of batches (Ioffe & Szegedy 2015), also of those that processes share, and of weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
import torch.distributed
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ..core.records import Latents
from .base import made

Normalisation = Literal["none", "spectral"]


def normalise_weights(network: nn.Module, by: Normalisation) -> None:
    """Divide the weights of all layers by their spectral norms (Miyato, Kataoka, Koyama & Yoshida 2018), or do nothing.

    A layer, and with LeakyReLU the whole network, then multiplies distances by 1 at most; of convolutions that is said
    of the matrix ``(out, in * height * width)``, as published. The norms are followed by a step of power iteration in
    every pass of a training; their vectors are buffers, so a checkpoint holds them.
    """
    if by == "spectral":
        for layer in list(network.modules()):
            if isinstance(layer, nn.Linear | nn.Conv2d):
                spectral_norm(layer)


class BatchNorm(nn.Module):
    """Equal to ``nn.BatchNorm1d/2d`` in one process; several processes normalise by their joint statistics.

    Args:
        channels: size of dimension 1 of the input, ``(n, C)`` or ``(n, C, H, W)``.
        momentum: weight of the newest batch in the running statistics.
        epsilon: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum = momentum
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        if self.training and torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1:
            return self._jointly(x)
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.epsilon,
        )

    def _jointly(self, x: Tensor) -> Tensor:
        """Mean and variance from sums over all processes; the sums carry gradients both ways."""
        axes = [0, *range(2, x.ndim)]
        count = x.numel() / x.shape[1] * torch.distributed.get_world_size()
        mean = all_reduce(x.float().sum(axes)) / count  # type: ignore[no-untyped-call]
        centred = x.float() - _broadcast(mean, x)
        variance = all_reduce(centred.pow(2).sum(axes)) / count  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.epsilon).rsqrt()
        return (centred * _broadcast(scale, x) + _broadcast(self.bias, x)).to(x.dtype)


def _broadcast(values: Tensor, x: Tensor) -> Tensor:
    return values.view(1, -1, *[1] * (x.ndim - 2))


@torch.no_grad()
def settle(network: nn.Module, batches: Iterable[Latents]) -> None:
    """Set the running statistics of every batch norm of a network to their means over batches of its inputs.

    Until a network has been trained for some steps its running statistics are those of no data, and what it makes in
    evaluation has little to do with what is trained. Whatever else of it differs in training stays as in evaluation.

    Args:
        network: left in the mode in which it came.
        batches: latents ``(B, d)``, of several processes each one's share; not taken from where there is no batch norm.
    """
    norms = [module for module in network.modules() if isinstance(module, BatchNorm | nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return
    training, momenta = network.training, [norm.momentum for norm in norms]
    network.eval()
    for seen, batch in enumerate(batches):
        for norm in norms:
            norm.train()
            norm.momentum = 1 / (1 + seen)  # the mean of all batches until now
        made(network, batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(training)
