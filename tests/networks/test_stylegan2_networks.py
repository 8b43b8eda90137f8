"""StyleGAN2's networks against closed forms in float64, brute force, and the resampling of scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, correlate2d, upfirdn
from torch.nn import functional as F

from allmodes.core.errors import UserError
from allmodes.networks.discriminators.stylegan2 import StyleGan2 as Judge
from allmodes.networks.discriminators.stylegan2 import deviation
from allmodes.networks.equalised import EqualConv, EqualLinear, leaky
from allmodes.networks.filtered import Filter
from allmodes.networks.generators.stylegan2 import StyleGan2
from allmodes.networks.modulated import ModulatedConv

TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def resampled(image: np.ndarray, *, up: int = 1, down: int = 1) -> np.ndarray:
    """Through the filter by scipy, along rows and then along columns; from the first sample on."""
    taps = up * np.array([1, 3, 3, 1]) / 8
    return upfirdn(taps, upfirdn(taps, image, up, down, axis=0), up, down, axis=1)


@pytest.mark.parametrize(("side", "to"), [(4, 8), (4, 7), (7, 14), (5, 9)])
def test_images_are_enlarged_as_scipy_does_it(side, to):
    x = normal(2, 3, side, side)
    found = Filter().double().enlarge(x, to)
    for image in range(2):
        for channel in range(3):
            expected = resampled(x[image, channel].numpy(), up=2)[1 : to + 1, 1 : to + 1]
            np.testing.assert_allclose(found[image, channel], expected, atol=1e-14)


@pytest.mark.parametrize("side", [4, 7, 14, 9])
def test_images_are_halved_as_scipy_does_it(side):
    x = normal(1, 2, side, side)
    found = Filter().double().halve(x)
    assert found.shape[2:] == ((side + 1) // 2,) * 2
    for channel in range(2):
        image = np.pad(x[0, channel].numpy(), (1, side % 2 + 1))  # one zero before the first pixel
        taps = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
        expected = correlate2d(image, taps, "valid")[::2, ::2]
        np.testing.assert_allclose(found[0, channel], expected, atol=1e-14)
        inner = resampled(x[0, channel].numpy(), down=2)[1:, 1:]  # the taps of scipy end at pixel 0, 2, 4...
        assert inner.shape[0] >= found.shape[2] - 1


def test_a_constant_image_stays_as_it_is_but_at_its_edges():
    x = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    through = Filter().double()
    for found in (through.enlarge(x, 16), through.halve(x)):
        np.testing.assert_allclose(found[0, 0, 1:-1, 1:-1], 1.0, atol=1e-14)


def brute(layer: ModulatedConv, x: torch.Tensor, style: torch.Tensor, side: int) -> np.ndarray:
    """The paper's equations 1 and 3: weights of its own for every image, each output a sum of convolved inputs."""
    weight = layer.convolution.weight.detach().numpy() / np.sqrt(layer.convolution.weight[0].numel())
    scales = style @ layer.scales.weight.detach().T / np.sqrt(style.shape[1]) + 1
    images = []
    for image, scale in zip(x.numpy(), scales.numpy(), strict=True):
        own = weight * scale[None, :, None, None]
        if layer.demodulated:
            own = own / np.sqrt((own**2).sum((1, 2, 3), keepdims=True) + 1e-8)
        outputs = []
        for kernels in own:
            total = 0.0
            for channel, kernel in zip(image, kernels, strict=True):
                if side == image.shape[1]:
                    total = total + correlate2d(channel, kernel, "same")
                else:
                    spread = np.zeros((2 * len(channel) - 1,) * 2)
                    spread[::2, ::2] = channel
                    wide = convolve2d(correlate2d(spread, kernel, "full"), 4 * TAPS, "full")
                    total = total + wide[2 : 2 + side, 2 : 2 + side]
            outputs.append(total)
        images.append(outputs)
    return np.array(images)


@pytest.mark.parametrize("demodulated", [True, False])
@pytest.mark.parametrize(("kernel", "side"), [(3, 5), (1, 5), (3, 10), (3, 9)])
def test_a_modulated_convolution_is_one_with_weights_of_its_own_for_every_image(kernel, side, demodulated):
    torch.manual_seed(0)
    layer = ModulatedConv(3, 4, kernel, 6, demodulated=demodulated).double()
    x, style = normal(2, 3, 5, 5), normal(2, 6, seed=1)
    np.testing.assert_allclose(
        layer(x, style, side).detach(), brute(layer, x, style, side), atol=1e-9 if demodulated else 1e-13
    )


def test_to_enlarge_through_a_convolution_is_to_enlarge_and_to_convolve():
    x, weight, through = normal(2, 3, 6, 6), normal(4, 3, 3, 3, seed=1), Filter().double()
    found = through.enlarge_through(x, weight, 12)
    expected = F.conv2d(through.enlarge(x, 12), weight, padding=1)
    torch.testing.assert_close(found[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2])  # edges are cut at other places


def test_the_rate_is_the_same_for_layers_of_any_size_and_scaled_by_the_multiplier():
    """A step of Adam moves each weight, as it is used, by rate x multiplier / sqrt(inputs)."""
    for inputs, multiplier in ((5, 1.0), (80, 1.0), (80, 0.01)):
        torch.manual_seed(0)
        layer = EqualLinear(inputs, 3, bias=1.0, multiplier=multiplier).double()
        used = lambda layer=layer: layer(torch.eye(layer.weight.shape[1], dtype=torch.float64)).T  # noqa: E731
        np.testing.assert_allclose(layer(torch.zeros(1, inputs, dtype=torch.float64)).detach(), 1.0)
        before = used().detach()
        adam = torch.optim.Adam([layer.weight], lr=0.002, eps=1e-30)
        used().sum().backward()
        adam.step()
        np.testing.assert_allclose(before - used().detach(), 0.002 * multiplier / np.sqrt(inputs), rtol=1e-6)


@pytest.mark.parametrize("layer", [EqualLinear(900, 40, multiplier=0.01), EqualConv(100, 40, 3)])
def test_what_goes_through_a_layer_keeps_its_scale(layer):
    size = (2_000, 900) if isinstance(layer, EqualLinear) else (8, 100, 16, 16)
    with torch.no_grad():
        found = layer(normal(*size).float())
    found = found if isinstance(layer, EqualLinear) else found[:, :, 1:-1, 1:-1]
    assert float(found.square().mean()) == pytest.approx(1.0, rel=0.05)


def test_the_activation_is_the_leaky_one_of_gain_root_two():
    x = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    np.testing.assert_allclose(leaky(x), np.array([-0.4, 0.0, 3.0]) * np.sqrt(2))


class TestGenerator:
    def test_has_a_style_for_every_layer_and_draws_in_it(self):
        torch.manual_seed(0)
        generator, z = StyleGan2((3, 32, 32), 8, width=4, most=8, style=5, mapping=2), normal(3, 8).float()
        styles = generator.repeated(generator.mapped(z))
        assert styles.shape == (3, 8, 5)  # 7 convolutions and the last image
        assert torch.equal(generator.drawn(styles, z), generator(z))
        for layer in range(8):
            other = styles.clone()
            other[:, layer] += 1
            assert not torch.equal(generator.drawn(other, z), generator(z)), layer

    def test_the_scale_of_a_latent_is_no_matter(self):
        generator, z = StyleGan2((1, 8, 8), 6, width=4), normal(3, 6).float()
        torch.testing.assert_close(generator(z), generator(7 * z))

    def test_noise_comes_from_the_latent_as_strong_as_was_learnt(self):
        taken = 16 + 2 * 64
        torch.manual_seed(0)
        generator = StyleGan2((1, 16, 16), 6 + taken, width=4, noise=8)
        z = normal(2, 6 + taken).float()
        other = torch.cat([z[:, :6], z[:, 6:].flip(1)], 1)
        assert torch.equal(generator(z), generator(other))  # at first not at all
        for layer in generator.layers[:3]:
            before = generator(z)
            torch.nn.init.constant_(layer.strength, 0.5)
            assert not torch.equal(generator(z), before)
        assert not torch.equal(generator(z), generator(other))
        assert generator.layers[3].strength is None
        with pytest.raises(UserError, match=f"the maps of 'generator.noise' alone take {taken}"):
            StyleGan2((1, 16, 16), taken, noise=8)

    def test_makes_images_of_128_by_128(self):
        assert StyleGan2((3, 128, 128), 4, width=1)(torch.ones(1, 4)).shape == (1, 3, 128, 128)


class TestDeviation:
    def test_is_that_of_images_equally_far_apart(self):
        x = normal(6, 2, 3, 3)
        found = deviation(x, 3)
        assert found.shape == (6, 1, 3, 3)
        for image in range(6):
            group = x[[image % 2, image % 2 + 2, image % 2 + 4]].numpy()
            np.testing.assert_allclose(found[image], np.sqrt(group.var(0) + 1e-8).mean(), rtol=1e-6)

    def test_of_a_batch_that_no_such_groups_make_up_it_is_that_of_smaller_ones(self):
        x = normal(6, 2, 3, 3)
        assert torch.equal(deviation(x, 4), deviation(x, 2))
        assert float(deviation(x[:5], 4).abs().max()) == pytest.approx(1e-4)  # one image does not differ from itself

    def test_processes_that_share_a_batch_find_the_same(self):
        x = normal(16, 2, 3, 3)
        whole = deviation(x, 4)
        for rank in range(2):
            assert torch.equal(deviation(x[rank::2], 4), whole[rank::2])

    def test_a_judge_without_groups_judges_each_image_by_itself(self):
        torch.manual_seed(0)
        for group, alike in ((1, True), (4, False)):
            judge, x = Judge((1, 8, 8), width=4, group=group), normal(4, 1, 8, 8).float()
            assert judge.together != alike
            one_by_one = torch.cat([judge(x[i : i + 1]).scores for i in range(4)])
            assert torch.allclose(judge(x).scores, one_by_one, atol=1e-6) == alike

    def test_blocks_without_shortcuts_have_none(self):
        names = [name for name, _ in Judge((3, 32, 32), width=4, residual=False).named_parameters()]
        assert not any("shortcut" in name for name in names)
