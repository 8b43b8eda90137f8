"""A generator from images to images: of any size, of its own code at every level, and of what lies within its reach."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest
import torch

from allmodes.core.errors import UserError
from allmodes.evaluation.tiles import answer_large
from allmodes.model import Model
from allmodes.networks.generators.cascade import Cascade
from allmodes.priors.gaussian import Gaussian


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def enlarging(**options) -> Cascade:
    torch.manual_seed(0)
    return Cascade((3, 16, 16), 12, inputs=(3, 4, 4), width=4, widest=8, style=8, **options).eval()


class TestCascade:
    def test_every_level_draws_at_its_own_size(self):
        drawn = enlarging().drawn(torch.randn(2, 12), torch.randn(2, 3, 4, 4))
        assert [tuple(image.shape) for image in drawn] == [(2, 3, 4, 4), (2, 3, 8, 8), (2, 3, 16, 16)]

    def test_what_a_level_draws_depends_on_its_code_and_those_before(self):
        generator, given = enlarging(), torch.randn(1, 3, 4, 4)
        z = torch.randn(1, 12)
        for level in range(3):
            other = z.clone()
            other[:, 4 * level : 4 * level + 4] += 1
            same = [
                torch.equal(a, b) for a, b in zip(generator.drawn(z, given), generator.drawn(other, given), strict=True)
            ]
            assert same == [index < level for index in range(3)]

    def test_an_answer_is_the_same_in_any_batch(self):
        generator, z, given = enlarging(), torch.randn(5, 12), torch.randn(5, 3, 4, 4)
        whole = generator(z, given)
        for row in range(5):
            torch.testing.assert_close(
                generator(z[row : row + 1], given[row : row + 1])[0], whole[row], rtol=1e-5, atol=1e-5
            )

    @pytest.mark.parametrize(
        ("shape", "inputs", "levels"),
        [((3, 16, 16), (1, 16, 16), 2), ((3, 24, 16), (3, 24, 16), 2), ((1, 16, 24), (2, 8, 12), 2)],
    )
    def test_inputs_as_large_or_of_other_channels(self, shape, inputs, levels):
        generator = Cascade(shape, 12, inputs=inputs, width=4, widest=8, style=8)
        assert generator(torch.randn(2, 12), torch.randn(2, *inputs)).shape == (2, *shape)
        assert len(generator.scales) == levels

    def test_label_maps(self):
        generator = Cascade((3, 16, 16), 12, inputs=(16, 16), labels=5, width=4, widest=8, style=8)
        maps = torch.randint(5, (2, 16, 16))
        image = generator(torch.randn(2, 12), maps)
        assert image.shape == (2, 3, 16, 16)

    def test_sizes_that_do_not_fit_are_refused(self):
        with pytest.raises(UserError, match="1, 2, 4"):
            Cascade((3, 12, 12), 12, inputs=(3, 4, 4))
        with pytest.raises(UserError, match=r"prior\.dim.* 3 levels"):
            Cascade((3, 16, 16), 2, inputs=(3, 4, 4))
        with pytest.raises(UserError, match="generator.consistent"):
            Cascade((3, 16, 16), 12, inputs=(3, 4, 4), consistent=-1)

    @pytest.mark.parametrize(("latent", "codes"), [(3, [1, 1, 1]), (7, [3, 2, 2]), (8, [3, 3, 2]), (9, [3, 3, 3])])
    def test_any_latent_is_dealt_out_to_the_levels(self, latent, codes):
        generator = Cascade((1, 16, 16), latent, inputs=(1, 4, 4), width=4, widest=8, style=8)
        assert generator.codes == codes
        assert generator(torch.randn(2, latent), torch.zeros(2, 1, 4, 4)).shape == (2, 1, 16, 16)

    def test_inputs_that_it_cannot_take_are_refused(self):
        generator = enlarging()
        for wrong in [(1, 1, 4, 4), (1, 4, 4), (1, 3, 4)]:
            with pytest.raises(UserError, match="bring the input to that"):
                generator.require(torch.zeros(wrong), 1)
        same = Cascade((3, 32, 32), 12, inputs=(1, 32, 32), width=4, widest=8, style=8)
        with pytest.raises(UserError, match="multiples of 4"):
            same.require(torch.zeros(1, 1, 30, 32), 1)

    def test_answers_made_smaller_by_another_library_are_the_input(self):
        """PSNR in dB of answers that Pillow makes smaller, against inputs that it made of a smooth image."""
        rows, columns = np.mgrid[:64, :64] / 16
        original = PIL.Image.fromarray((0.8 * np.sin(rows) * np.cos(columns + rows)).astype(np.float32))
        small = np.asarray(original.resize((8, 8), PIL.Image.Resampling.BICUBIC))
        given, found = torch.tensor(small)[None, None], {}
        for steps in (0, 1, 2, 3):
            torch.manual_seed(0)
            generator = Cascade((1, 64, 64), 8, inputs=(1, 8, 8), width=4, style=8, consistent=steps)
            answers = generator(torch.randn(20, 8), given.expand(20, 1, 8, 8))
            again = [
                np.asarray(PIL.Image.fromarray(one).resize((8, 8), PIL.Image.Resampling.BICUBIC))
                for one in answers[:, 0].numpy()
            ]
            found[steps] = -10 * np.log10(np.mean((np.stack(again) - small) ** 2) / 4)
        assert found[0] < 30
        assert found[1] > found[0] + 8
        assert found[2] > 45
        assert found[3] > found[2] + 3

    @pytest.mark.parametrize("inputs", [(3, 16, 16), (16, 16), (1, 4, 4), (4, 4)])
    def test_nothing_is_projected_where_inputs_are_no_smaller_images(self, inputs):
        """A grey input says nothing of colour, and must not take it away."""
        shape = (3, 16, 16)
        drawn = []
        for steps in (0, 2):
            torch.manual_seed(0)
            generator = Cascade(shape, 12, inputs=inputs, labels=3, width=4, widest=8, style=8, consistent=steps)
            given = torch.randn(2, *inputs) if len(inputs) == 3 else torch.randint(3, (2, *inputs))
            drawn.append(generator(torch.randn(2, 12), given))
        assert torch.equal(*drawn)


class TestLarge:
    @pytest.mark.parametrize(("same_size", "aligned"), [(False, 32), (True, 32), (True, 1)])
    def test_tiles_together_are_the_whole(self, same_size, aligned, monkeypatch):
        monkeypatch.setattr("allmodes.evaluation.tiles.ALIGNED", aligned)  # less than the coarsest level needs
        torch.manual_seed(1)
        inputs = (1, 32, 32) if same_size else (1, 16, 16)
        shape = (1, 32, 32)
        generator = Cascade(shape, 6, inputs=inputs, width=2, widest=4, style=4, coarsest=16, consistent=2).eval()
        config = {"shape": list(shape), "inputs": list(inputs)}
        model = Model(generator, Gaussian(dim=6), config=config, card={})
        given, z = torch.rand(1, 352, 320) * 2 - 1, torch.randn(6)
        whole = model.decode(z[None], given[None])[0]
        tiled = answer_large(model, given, z, tile=33)
        torch.testing.assert_close(tiled, whole, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(
        ("side", "factor", "groups", "consistent"), [(8, 8, 1, 0), (8, 8, 1, 3), (16, 2, 2, 1), (32, 1, 1, 0)]
    )
    def test_a_pixel_depends_on_no_input_beyond_its_reach(self, side, factor, groups, consistent):
        shape, latent, own = (1, side * factor, side * factor), 12, {"groups": groups, "consistent": consistent}
        generator = Cascade(shape, latent, inputs=(1, side, side), width=2, widest=2, style=4, **own)
        size = 2 * (generator.reach // 8 * 8 + 16)
        given = torch.zeros(1, 1, size, 8).normal_().requires_grad_()
        with torch.enable_grad():
            made = generator(torch.randn(1, latent), given)
            made[0, 0, size // 2 * factor : (size // 2 + 1) * factor].sum().backward()
        seen = given.grad.abs().sum((0, 1, 3)).nonzero().flatten()
        assert size // 2 - int(seen.min()) <= generator.reach
        assert int(seen.max()) - size // 2 <= generator.reach
        assert 2 * (int(seen.max()) - size // 2) > generator.reach  # not far more than needed, either

    def test_few_large_answers_are_made_at_once(self):
        generator = Cascade((1, 64, 64), 4, inputs=(1, 8, 8), width=1, widest=1, style=1)
        model = Model(generator, Gaussian(dim=4), config={"shape": [1, 64, 64], "inputs": [1, 8, 8]}, card={})
        together = []
        generator.make = lambda z, condition: together.append(len(z)) or torch.zeros(len(z), 1, 2, 2)
        for side, most in ((8, 32), (16, 32), (64, 7), (1_000, 1)):
            together.clear()
            model.decode(torch.zeros(501, 4), torch.zeros(1, 1, side, side).expand(501, 1, side, side))
            assert sum(together) == 501
            assert max(together) == most
