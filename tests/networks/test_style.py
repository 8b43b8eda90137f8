"""The style generator: adaptive normalisation against its formula, noise from the end of the latent, a usable start."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from allmodes.core.errors import UserError
from allmodes.networks.generators.style import AdaIN, Block, Style


def latents(n: int, dim: int) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(1))


def seeded(shape: tuple[int, ...] = (3, 32, 32), latent: int = 24, **options: int) -> Style:
    torch.manual_seed(0)
    return Style(shape, latent, **options)


@pytest.mark.parametrize("shape", [(5, 6, 4, 4), (1, 3, 2, 2), (4, 2, 7, 7)])
def test_adain_is_instance_norm_then_scale_and_shift_by_the_style(shape):
    torch.manual_seed(0)
    norm = AdaIN(shape[1], 9)
    ours, theirs = (latents(shape[0], shape[1] * shape[2] ** 2).reshape(shape).requires_grad_() for _ in range(2))
    style = latents(shape[0], 9)
    scale, shift = (norm.affine(style)[:, half, None, None] for half in (slice(shape[1]), slice(shape[1], None)))
    expected = (1 + scale) * F.instance_norm(theirs) + shift
    got = norm(ours, style)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
    (got**3).sum().backward()
    expected_gradient = torch.autograd.grad((expected**3).sum(), theirs)[0]
    torch.testing.assert_close(ours.grad, expected_gradient, atol=1e-3, rtol=1e-3)


def test_while_training_a_sample_does_not_depend_on_its_batch():
    generator, z = seeded(noise=8, latent=100).train(), latents(6, 100)
    nn.init.ones_(generator.strengths[0])
    one_by_one = torch.cat([generator(z[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(generator(z), one_by_one, atol=1e-5, rtol=1e-5)


def test_channels_double_towards_the_constant_up_to_the_most():
    generator = Style((3, 64, 64), 64)
    assert generator.constant.shape == (128, 4, 4)
    found = [block.convolution.weight.shape[:2] for block in generator.blocks]
    assert found == [(c, c) for c in (128, 128, 64, 32, 16)]
    assert generator.to_image.weight.shape == (3, 16, 3, 3)


def test_options_reach_256():
    generator = seeded((3, 256, 256), 24, width=4, most=16, blocks=2, mapping=4, style=32)
    assert len(generator.blocks) == 2 * 7
    assert len(generator.mapping) == 8
    assert generator(latents(1, 24)).shape == (1, 3, 256, 256)


def test_the_smallest_images_are_made():
    assert seeded((1, 4, 4), 6)(latents(2, 6)).shape == (2, 1, 4, 4)


def test_the_length_of_a_latent_does_not_matter():
    generator, z = seeded(), latents(4, 24)
    torch.testing.assert_close(generator(z), generator(7 * z), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("side", [8, 28, 64])
@pytest.mark.parametrize("blocks", [1, 3])
def test_starts_with_images_of_a_usable_scale_that_differ(side, blocks):
    """As wide as pictures are, not saturated, and unlike each other: matching needs candidates that differ."""
    with torch.no_grad():
        images = seeded((3, side, side), 64, blocks=blocks)(latents(64, 64))
    assert 0.2 < float(images.std()) < 0.8
    assert float((images.abs() > 0.99).float().mean()) < 0.1
    assert float(images.std(dim=0).mean()) > 0.1


def test_corrections_start_small():
    generator, seen = seeded(blocks=2), []
    for block in (part for part in generator.modules() if isinstance(part, Block)):
        block.register_forward_hook(
            lambda _, inputs, out: seen.append(float((out - inputs[0]).std() / inputs[0].std()))
        )
    with torch.no_grad():
        generator(latents(16, 24))
    assert len(seen) == 8
    assert 0 < max(seen) < 1


class TestNoise:
    def test_comes_from_the_end_of_the_latent_and_starts_without_effect(self):
        generator, z = seeded(noise=8, latent=24 + 16 + 64), latents(3, 104)
        other = torch.cat([z[:, :24], -z[:, 24:]], dim=1)
        assert torch.equal(generator(z), generator(other))
        for strength in generator.strengths:
            nn.init.ones_(strength)
        change = (generator(z) - generator(other)).detach().abs()
        assert float(change.flatten(1).max(dim=1).values.min()) > 1e-3
        generator(z).square().sum().backward()
        assert all(float(strength.grad.abs().min()) > 0 for strength in generator.strengths)

    def test_a_pixel_of_a_map_acts_where_it_is(self):
        """With one map at full size and nothing that spreads far, only the surroundings of the pixel change much."""
        generator, z = seeded((1, 8, 8), 200, noise=8, blocks=1), latents(1, 200)
        nn.init.ones_(generator.strengths[-1])
        moved = z.clone()
        moved[0, -1] += 3  # the last pixel of the last map: bottom right
        change = (generator(moved) - generator(z)).detach().abs()[0, 0]
        assert float(change[-2:, -2:].mean()) > 5 * float(change[:4, :4].mean())

    def test_has_as_many_strengths_as_maps_and_none_by_default(self):
        assert len(seeded().strengths) == 0
        assert len(seeded(noise=31, latent=400).strengths) == 3

    def test_says_which_prior_is_long_enough(self):
        with pytest.raises(UserError, match=r"'prior.dim' is 80, .*take 80.*--prior.dim 208"):
            seeded(noise=8, latent=80)
        assert seeded(noise=8, latent=208)(latents(2, 208)).shape == (2, 3, 32, 32)
