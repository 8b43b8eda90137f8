"""FastGAN's networks against their formulas: excitation, gating, quarters, and reconstructions that see their part."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from allmodes.networks.discriminators.fastgan import FastGAN as Discriminator
from allmodes.networks.discriminators.fastgan import quarter
from allmodes.networks.generators.fastgan import Excitation
from allmodes.networks.generators.fastgan import FastGAN as Generator
from allmodes.networks.glu import GatedEnlargement

SIDES = [8, 28, 32, 64]


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def judge_of(side: int) -> Discriminator:
    torch.manual_seed(0)
    return Discriminator((3, side, side), width=4)


def test_gated_enlargement_by_its_formula():
    torch.manual_seed(0)
    ours, norm = GatedEnlargement(3, 5, side=8), nn.BatchNorm2d(10)
    x = noise(4, 3, 4, 4)
    wide = norm(F.conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), ours.convolution.weight, padding=1))
    torch.testing.assert_close(ours(x), wide[:, :5] * torch.sigmoid(wide[:, 5:]), atol=1e-5, rtol=1e-4)


class TestExcitation:
    @pytest.mark.parametrize("side", [4, 8, 16])
    def test_by_its_formula(self, side):
        torch.manual_seed(0)
        excitation, x = Excitation(3, 7, side=side), noise(2, 3, side, side)
        assert excitation.gather.weight.shape == (3, 3, 4, 4)
        averages = F.adaptive_avg_pool2d(x, 4)
        hidden = (averages[:, None] * excitation.gather.weight).sum((2, 3, 4)) + excitation.gather.bias
        hidden = torch.where(hidden > 0, hidden, 0.1 * hidden)
        gates = torch.sigmoid(hidden @ excitation.spread.weight[:, :, 0, 0].T + excitation.spread.bias)
        torch.testing.assert_close(excitation(x)[:, :, 0, 0], gates, atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize("side", range(1, 34))
    def test_leaves_one_number_per_channel_of_any_side(self, side):
        assert Excitation(2, 3, side=side)(noise(1, 2, side, side)).shape == (1, 3, 1, 1)

    def test_reaches_maps_of_sixteen_times_the_side(self):
        excited = [
            level.spread.weight.shape[:2] for level in Generator((3, 256, 256), 8, width=2, most=512).excitations
        ]
        # at 256: 128 channels @ 4, 64 @ 8, 32 @ 16 open 8 channels @ 64, 4 @ 128, 2 @ 256
        assert excited == [(8, 128), (4, 64), (2, 32)]

    def test_of_small_images_the_smallest_map_opens_the_largest(self):
        excited = [level.spread.weight.shape[:2] for level in Generator((1, 28, 28), 8, width=4).excitations]
        assert excited == [(4, 32)]

    def test_shuts_the_channels_of_its_map(self):
        """With every gate of the full size shut, all images are what the last convolution makes of nothing."""
        torch.manual_seed(0)
        generator, z = Generator((3, 64, 64), 8, width=4), noise(5, 8)
        assert float(generator(z).detach().std(0).mean()) > 1e-3
        nn.init.zeros_(generator.excitations[-1].spread.weight)
        nn.init.constant_(generator.excitations[-1].spread.bias, -1e9)
        nothing = generator.to_image.bias.tanh().view(1, 3, 1, 1).expand(5, 3, 64, 64)
        torch.testing.assert_close(generator(z), nothing)


def test_the_generator_has_one_convolution_per_resolution():
    generator = Generator((3, 64, 64), 100)
    shapes = [tuple(level.convolution.weight.shape[:2]) for level in generator.enlargements]
    assert shapes == [(256, 128), (128, 128), (64, 64), (32, 32)]
    assert generator.start[0].weight.shape == (256 * 16, 100)


def test_the_generator_starts_with_images_of_a_usable_scale():
    torch.manual_seed(0)
    images = Generator((3, 64, 64), 64)(noise(32, 64)).detach()
    assert 0.05 < float(images.std()) < 0.8


def test_quarters_tile_the_image():
    images = noise(2, 3, 8, 8)
    above = torch.cat([quarter(images, 4, 0), quarter(images, 4, 1)], dim=3)
    below = torch.cat([quarter(images, 4, 2), quarter(images, 4, 3)], dim=3)
    assert torch.equal(torch.cat([above, below], dim=2), images)


@pytest.mark.parametrize("side", SIDES)
class TestReconstruction:
    def test_views_are_the_image_at_half_its_size_and_a_quarter_in_full(self, side):
        images, half = noise(2, 3, side, side), side // 2
        views = judge_of(side).views(images, 2)
        torch.testing.assert_close(views.whole, F.avg_pool2d(images, 2))
        assert torch.equal(views.part, images[:, :, half:, :half])

    def test_a_judgement_has_scores_and_maps_of_which_some_are_reconstructed(self, side):
        network, images = judge_of(side), noise(5, 3, side, side)
        judgement = network(images)
        late = network.maps(images)[1]
        torch.testing.assert_close(judgement.scores, network.score(late.flatten(1))[:, 0])
        drawn, wanted = network.reconstruct([maps[:3] for maps in judgement.maps], 0), network.views(images[:3], 0)
        assert drawn.whole.shape == wanted.whole.shape
        assert drawn.part.shape == wanted.part.shape

    def test_the_part_is_drawn_from_its_quarter_of_the_map_alone(self, side):
        network, images = judge_of(side).eval(), noise(1, 3, side, side)
        early, late = (value.detach().requires_grad_() for value in network.maps(images))
        network.reconstruct((early, late), 3).part.square().sum().backward()
        seen = early.grad.abs().sum((0, 1)) > 0
        expected = torch.zeros_like(seen)
        expected[-late.shape[2] :, -late.shape[2] :] = True
        assert torch.equal(seen, expected)
        assert late.grad is None


def test_the_discriminator_ends_at_the_smallest_side_for_large_images():
    early, late = Discriminator((3, 256, 256), width=2, most=16).maps(noise(1, 3, 256, 256))
    assert early.shape == (1, 16, 8, 8)
    assert late.shape == (1, 16, 4, 4)
