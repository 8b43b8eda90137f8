"""Every distance is Euclidean after its embedding, and lets gradients through to images only."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.distances.base import Distance
from allmodes.distances.discriminator_features import DiscriminatorFeatures
from allmodes.distances.features import ClassifierFeatures, EmbeddingFeatures
from allmodes.distances.inception import InceptionFeatures
from allmodes.distances.perceptual import ENDS, Perceptual
from allmodes.distances.pixels import Pixels
from allmodes.distances.random_convolution import RandomConvolution
from allmodes.distances.random_projection import RandomProjection
from allmodes.distances.st_lpips import StLpips
from allmodes.networks.discriminators.convolutional import Convolutional
from allmodes.networks.features.classifier import Classifier
from allmodes.networks.features.embedding import Embedding

DOWNLOADS = {"inception", "dinov2-small", "dinov2-base", "clip"}
DISTANCES = {k: v for k, v in entries("allmodes.distances", Distance).items() if k not in DOWNLOADS}
SHAPE = (3, 8, 8)


def images(n: int, shape: tuple[int, ...] = SHAPE, *, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def networks(shape: tuple[int, ...] = SHAPE) -> dict[str, nn.Module]:
    """What distances look through; feature networks take one channel."""
    torch.manual_seed(0)
    single = (1, *shape[1:])
    return {
        "discriminator": Convolutional(shape, width=4, hidden=16),
        "classifier": Classifier(single, 10, width=4),
        "embedding": Embedding(single, dim=8, width=4),
    }


def make(cls: type[Distance], shape: tuple[int, ...] = SHAPE) -> tuple[Distance, nn.Module | None]:
    distance = cls()
    if distance.needs is None:
        return distance, None
    network = networks(shape)[distance.needs]
    distance.attach(network)
    return distance, network


@pytest.mark.parametrize("cls", DISTANCES.values(), ids=DISTANCES.keys())
class TestEveryDistance:
    @pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 28, 28), (3, 28, 28)])
    def test_is_euclidean_after_the_embedding(self, cls, shape):
        distance, _ = make(cls, shape)
        a, b = images(6, shape), images(6, shape, seed=1)
        embedded = distance.embed(a)
        assert embedded.ndim == 2
        assert len(embedded) == 6
        squared = (embedded.double() - distance.embed(b).double()).pow(2).sum(1)
        torch.testing.assert_close(distance.distance(a, b).double().pow(2), squared, rtol=1e-5, atol=1e-8)
        assert (squared > 0).all()
        assert (distance.distance(a, a) == 0).all()

    def test_its_parts_are_equal_and_sum_to_the_whole(self, cls):
        distance, _ = make(cls)
        difference = distance.embed(images(5)) - distance.embed(images(5, seed=1))
        parts = difference.view(5, distance.parts(SHAPE), -1).pow(2).sum(2)
        assert (parts > 0).all()
        torch.testing.assert_close(parts.sum(1), distance.distance(images(5), images(5, seed=1)).pow(2))

    def test_does_not_depend_on_the_batch(self, cls):
        distance, _ = make(cls)
        a = images(7)
        one_by_one = torch.cat([distance.embed(a[i : i + 1]) for i in range(7)])
        torch.testing.assert_close(distance.embed(a), one_by_one, atol=1e-6, rtol=1e-5)

    def test_is_the_same_every_time_it_is_made(self, cls):
        (first, _), (second, _) = make(cls), make(cls)
        a = images(4)
        assert torch.equal(first.embed(a), second.embed(a))
        assert first.fingerprint() == second.fingerprint()
        assert first.fingerprint().startswith(cls.name)

    def test_gradients_reach_images_and_no_parameter(self, cls):
        distance, network = make(cls)
        before = [(p.requires_grad, p.detach().clone()) for p in network.parameters()] if network else []
        a = images(5).requires_grad_()
        distance.embed(a).sub(distance.embed(images(5, seed=1)).detach()).pow(2).sum().backward()
        assert all(float(row.abs().max()) > 0 for row in a.grad)
        for parameter, (_, value) in zip(network.parameters() if network else [], before, strict=True):
            assert parameter.grad is None
            assert torch.equal(parameter, value)

    def test_its_gradient_is_that_of_finite_differences(self, cls):
        distance, network = make(cls, (1, 8, 8))
        if network is not None:
            network.double()
            distance.attach(network)
        distance.double()
        a = images(2, (1, 8, 8)).double().requires_grad_()
        assert torch.autograd.gradcheck(distance.embed, (a,), fast_mode=True)

    def test_survives_a_round_trip_through_its_state(self, cls):
        (first, _), (second, _) = make(cls), make(cls)
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.embed(images(3)), second.embed(images(3)))

    def test_refuses_a_network_that_it_does_not_look_through(self, cls):
        with pytest.raises(TypeError, match=cls.name):
            cls().attach(nn.Linear(2, 2))

    def test_leaves_the_global_generator_alone(self, cls):
        distance, _ = make(cls)
        before = torch.get_rng_state()
        distance.embed(images(2))
        assert torch.equal(before, torch.get_rng_state())

    @pytest.mark.gpu
    def test_is_the_same_on_a_gpu(self, cls):
        try:
            distance, network = make(cls)
        except UserError as error:  # its weights are a package's, which a machine with a GPU may lack
            pytest.skip(str(error))
        here = distance.embed(images(5))
        if network is not None:
            network.to("cuda")
        there = distance.to("cuda").embed(images(5).cuda())
        torch.testing.assert_close(there.cpu(), here, atol=1e-3, rtol=1e-3)


class TestPixels:
    def test_is_the_root_mean_square_of_the_difference(self):
        a, b = images(4), images(4, seed=1)
        torch.testing.assert_close(Pixels().distance(a, b), (a - b).pow(2).flatten(1).mean(1).sqrt())

    def test_pooling_forgets_what_averages_out(self):
        checkers = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).tile(4, 4).expand(1, 3, 8, 8)
        assert float(Pixels(pool=2).distance(checkers, -checkers)) == 0
        assert float(Pixels().distance(checkers, -checkers)) == pytest.approx(2.0)

    def test_needs_squares_to_pool(self):
        for points in (torch.zeros(3, 2), torch.zeros(3, 1, 4, 4)):
            with pytest.raises(UserError, match=r"distance\.pool"):
                Pixels(pool=5).embed(points)
        with pytest.raises(UserError, match=r"distance\.pool"):
            Pixels(pool=0)

    def test_takes_planar_points(self):
        a, b = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]])
        assert float(Pixels().distance(a, b)) == pytest.approx(5 / 2**0.5)


class TestRandomProjection:
    def test_preserves_distances_of_pixels(self):
        a, b = images(200), images(200, seed=1)
        ratio = RandomProjection(dim=2000).distance(a, b) / Pixels().distance(a, b)
        assert float(ratio.mean()) == pytest.approx(1.0, abs=0.02)
        assert float(ratio.std()) < 0.05  # 1 / sqrt(2 dim) = 0.016, were all pairs independent

    def test_needs_directions(self):
        with pytest.raises(UserError, match=r"distance\.dim"):
            RandomProjection(dim=0)

    def test_another_seed_looks_in_other_directions(self):
        first, other = RandomProjection(seed=0), RandomProjection(seed=1)
        assert not torch.equal(first.embed(images(2)), other.embed(images(2)))
        assert first.fingerprint() != other.fingerprint()


class TestRandomConvolution:
    def test_is_nearer_after_a_small_shift_than_pixels_are(self):
        """Smooth strokes moved by one pixel, against unrelated ones."""
        noise = nn.functional.avg_pool2d(images(60, (1, 40, 40)), 5, stride=1)[..., 4:32, 4:33]
        strokes, moved = noise[..., :28], noise[..., 1:]
        ratio = {}
        for distance in (Pixels(), RandomConvolution()):
            near = distance.distance(strokes, moved).mean()
            ratio[distance.name] = float(near / distance.distance(strokes, strokes.roll(1, 0)).mean())
        assert ratio["random-convolution"] < ratio["pixels"]

    def test_keeps_the_size_of_distances_whatever_the_width(self):
        a, b = images(50), images(50, seed=1)
        narrow, wide = (
            sum(float(RandomConvolution(width=width, seed=seed).distance(a, b).pow(2).mean()) for seed in range(10))
            for width in (8, 32)
        )
        assert narrow == pytest.approx(wide, rel=0.3)

    def test_needs_images(self):
        with pytest.raises(UserError, match="planar points"):
            RandomConvolution().embed(torch.zeros(3, 2))

    def test_needs_channels(self):
        with pytest.raises(UserError, match=r"distance\.width"):
            RandomConvolution(width=0)


class TestPerceptual:
    def test_is_what_the_equation_says_of_what_the_blocks_put_out(self):
        """The maps are caught where the network makes them, and compared place by place."""
        a, b, distance = images(2, (3, 32, 32)), images(2, (3, 32, 32), seed=1), Perceptual(maps=5)
        network, caught = distance.network, []
        for module in [network.stem, *(network.blocks[end - 1] for end in ENDS[1:])]:
            module.register_forward_hook(lambda _, __, seen: caught.append(seen))
        network(a), network(b)
        expected = torch.zeros(2)
        for ours, theirs in zip(caught[:5], caught[5:], strict=True):
            unit = [nn.functional.normalize(side, dim=1) for side in (ours, theirs)]
            expected += (unit[0] - unit[1]).pow(2).sum(1).mean((1, 2)) / 5
        torch.testing.assert_close(distance.distance(a, b).pow(2), expected)

    def test_minds_blur_more_than_pixels_do(self):
        """Against what either makes of another image."""
        noise = nn.functional.avg_pool2d(images(40, (3, 66, 66)), 3, stride=1)
        blurred = nn.functional.avg_pool2d(noise, 3, stride=1, padding=1)
        others = noise.roll(1, 0)
        seen, plain = (d.distance(noise, blurred) / d.distance(noise, others) for d in (Perceptual(), Pixels()))
        assert (seen > plain).all()

    def test_has_five_maps(self):
        with pytest.raises(UserError, match=r"distance\.maps"):
            Perceptual(maps=6)


class TestDiscriminatorFeatures:
    def test_embeds_in_what_the_score_sees(self):
        distance, network = make(DiscriminatorFeatures)
        torch.testing.assert_close(distance.embed(images(3)), network.features(images(3)) / 16**0.5)

    def test_leaves_the_discriminator_trainable(self):
        distance, network = make(DiscriminatorFeatures)
        distance.embed(images(3))
        network(images(3)).scores.sum().backward()
        assert all(p.requires_grad and p.grad is not None for p in network.parameters())

    def test_without_lag_follows_at_once(self):
        distance, network = make(DiscriminatorFeatures)
        before = distance.embed(images(3))
        with torch.no_grad():
            network.layers[0].weight.mul_(2)
        assert not torch.equal(distance.embed(images(3)), before)
        assert distance.state_dict() == {}

    def test_with_lag_follows_when_updated(self):
        network = networks()["discriminator"]
        distance = DiscriminatorFeatures(lag=0.75)
        distance.attach(network)
        before, old = distance.embed(images(3)), copy.deepcopy(network)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(1)
        assert torch.equal(distance.embed(images(3)), before)
        distance.update()
        for kept, first, new in zip(distance.lagged.parameters(), old.parameters(), network.parameters(), strict=True):
            torch.testing.assert_close(kept, 0.75 * first + 0.25 * new)

    def test_the_lagged_copy_is_its_state(self):
        network = networks()["discriminator"]
        first, second = DiscriminatorFeatures(lag=0.5), DiscriminatorFeatures(lag=0.5)
        first.attach(network)
        with torch.no_grad():
            network.layers[0].weight.mul_(2)
        second.attach(network)
        assert not torch.equal(first.embed(images(3)), second.embed(images(3)))
        second.load_state_dict(first.state_dict())
        assert torch.equal(first.embed(images(3)), second.embed(images(3)))

    @pytest.mark.parametrize("lag", [-0.1, 1.0])
    def test_the_lag_is_a_share(self, lag):
        with pytest.raises(UserError, match=r"distance\.lag"):
            DiscriminatorFeatures(lag=lag)


@pytest.mark.parametrize("cls", [ClassifierFeatures, EmbeddingFeatures])
class TestFeatureDistances:
    def test_have_a_part_for_every_channel(self, cls):
        distance, _ = make(cls)
        a = images(4)
        b = a.clone()
        b[:, 1] = images(4, seed=1)[:, 1]
        apart = (distance.embed(a) - distance.embed(b)).view(4, distance.parts(SHAPE), -1).pow(2).sum(2)
        assert apart.shape == (4, 3)
        assert (apart[:, 1] > 0).all()
        assert (apart[:, [0, 2]] == 0).all()

    def test_see_every_channel_by_itself(self, cls):
        distance, network = make(cls)
        a = images(4)
        apart = torch.cat([network.features(a[:, c : c + 1]) for c in range(3)], dim=1)
        ratio = distance.embed(a) / apart
        kept = apart.abs() > 1e-6
        torch.testing.assert_close(ratio[kept], ratio[kept][:1].expand(int(kept.sum())), rtol=1e-4, atol=0)

    def test_see_a_part_alone_as_they_see_it_among_others(self, cls):
        distance, network = make(cls)
        for other in (distance, cls(maps=2, pixels=0.3)):
            other.attach(network)
            part = torch.tensor([2, 0, 1, 1])
            beside = other.embed(images(4)).view(4, 3, -1)[torch.arange(4), part]
            torch.testing.assert_close(other.embed_part(images(4), part), beside)

    def test_maps_are_those_of_the_equation(self, cls):
        """Against what hooks see of the network's last convolutions."""
        plain, network = make(cls)
        distance, seen = cls(maps=2), []
        distance.attach(network)
        a, b = images(4), images(4, seed=1)
        extra = distance.distance(a, b).pow(2) - plain.distance(a, b).pow(2)
        hooks = [network.trunk[k].register_forward_hook(lambda *call: seen.append(call[2])) for k in (5, 8)]
        for x in (a, b):
            network.features(x.reshape(-1, 1, *SHAPE[1:]))
        for hook in hooks:
            hook.remove()
        expected = torch.zeros(12)
        for first, second in zip(seen[:2], seen[2:], strict=True):
            units = [y / (y.norm(dim=1, keepdim=True) + 1e-3) for y in (first, second)]
            expected += (units[0] - units[1]).pow(2).sum(1).mean((1, 2)) / 2
        torch.testing.assert_close(extra, expected.view(4, 3).sum(1), rtol=1e-3, atol=1e-5)

    def test_have_three_maps(self, cls):
        with pytest.raises(UserError, match=r"distance\.maps"):
            cls(maps=4)

    def test_freeze_the_network(self, cls):
        _, network = make(cls)
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())

    def test_need_it_first(self, cls):
        with pytest.raises(RuntimeError, match="attach"):
            cls().embed(images(1))

    def test_have_a_fingerprint_that_depends_on_the_weights(self, cls):
        distance, network = make(cls)
        before = distance.fingerprint()
        with torch.no_grad():
            network.head.weight[0, 0] += 1
        assert distance.fingerprint() != before


@pytest.mark.parametrize(("trunk", "expected"), [("alex", 0.668385), ("vgg", 0.649877)])
def test_st_lpips_is_that_of_its_authors(trunk, expected):
    """The figures are those of the package stlpips-pytorch 0.0.2 for these two images."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    first, second = torch.stack([x, y, x * y])[None], torch.stack([y * y - 0.5, torch.sin(5 * x), x])[None]
    assert float(StLpips(trunk=trunk).distance(first, second) ** 2) == pytest.approx(expected, rel=1e-5)


def test_st_lpips_hardly_minds_a_shift():
    wide = torch.nn.functional.interpolate(images(2, (3, 12, 12)), (80, 80), mode="bicubic").clamp(-1, 1)
    here, shifted = wide[..., 8:72, 8:72], wide[..., 8:72, 9:73]
    distance, pixels = StLpips(trunk="alex"), Pixels()
    other = distance.distance(here[:1], here[1:])
    assert (distance.distance(here, shifted) < 0.3 * other).all()
    assert (pixels.distance(here, shifted) > distance.distance(here, shifted)).all()


def test_inception_gives_scaled_features_of_grey_and_colour_images(monkeypatch: pytest.MonkeyPatch):
    class Averages(nn.Module):
        """Stands in for the network, whose weights are a download."""

        def features(self, seen: torch.Tensor) -> torch.Tensor:
            return seen.mean((2, 3)).repeat(1, 10)

    monkeypatch.setattr("allmodes.distances.inception.load_inception", lambda path: Averages())
    distance = InceptionFeatures()
    grey = images(3, (1, 8, 8))
    torch.testing.assert_close(distance.embed(grey) * 2_048**0.5, grey.mean((2, 3)).repeat(1, 30))
    with pytest.raises(UserError, match="grey or colour"):
        distance.embed(images(3, (2, 8, 8)))


@pytest.mark.parametrize("cls", [EmbeddingFeatures, StLpips, RandomConvolution])
def test_pixels_beside_features_add_their_mean_square(cls):
    plain, beside = (cls(**options) for options in ({}, {"pixels": 0.3}))
    if cls is EmbeddingFeatures:
        network = networks()["embedding"]
        plain.attach(network)
        beside.attach(network)
    a, b = images(5), images(5, seed=1)
    extra = 0.3 * (a - b).square().flatten(1).mean(1) * beside.parts(SHAPE)
    torch.testing.assert_close(beside.distance(a, b).square(), plain.distance(a, b).square() + extra)
    assert beside.fingerprint() != plain.fingerprint()
    with pytest.raises(UserError, match=r"distance\.pixels"):
        cls(pixels=-1.0)
