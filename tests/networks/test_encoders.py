"""Every encoder: logits of every component, a gradient to every parameter."""

from __future__ import annotations

import pytest
import torch

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.networks.base import Encoder

ENCODERS = entries("allmodes.networks.encoders", Encoder)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (1, 33, 33)], ids=str)
@pytest.mark.parametrize("name", ENCODERS)
def test_reads_images_with_a_gradient_to_every_parameter_and_to_them(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    encoder, images = ENCODERS[name](shape, 7), torch.randn(5, *shape).requires_grad_()
    readings = encoder.readings(images)
    assert readings.shape == (5, 5, 7)
    (readings * torch.randn(5, 5, 7)).sum().backward()
    for tensor in (images, *encoder.parameters()):
        assert tensor.grad is not None
        assert float(tensor.grad.abs().max()) > 0
    encoder.eval()
    encoder.information[3] = 1.0
    torch.testing.assert_close(encoder(images), encoder.readings(images)[3])
    torch.testing.assert_close(encoder(images)[:2], encoder(images[:2]))


def test_points_are_read_by_layers_that_take_them() -> None:
    assert ENCODERS["mlp"]((2,), 3)(torch.randn(4, 2)).shape == (4, 3)
    with pytest.raises(UserError, match="looks at images, not at examples of shape \\(2,\\): use mlp"):
        ENCODERS["convolutional"]((2,), 3)


@pytest.mark.parametrize(("name", "option"), [("mlp", {"widths": []}), ("convolutional", {"width": 0})])
def test_sizes_are_positive(name: str, option: dict[str, object]) -> None:
    with pytest.raises(UserError, match="must be"):
        ENCODERS[name]((1, 8, 8), 3, **option)
