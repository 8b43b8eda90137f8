"""The projected discriminator: what is frozen, what is drawn, what is trained; penalties of several scores."""

from __future__ import annotations

import pytest
import torch

from allmodes.core.discovery import entries
from allmodes.core.errors import UserError
from allmodes.distances.base import Distance
from allmodes.networks.discriminators.projected import Projected
from allmodes.networks.features.efficientnet_lite0 import load_efficientnet_lite0
from allmodes.networks.features.frozen import SOURCES, load_frozen
from allmodes.objectives.losses.base import squared_gradient

IMAGES = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def projected() -> Projected:
    torch.manual_seed(0)
    return Projected((3, 64, 64), width=8)


def test_every_head_scores_all_places_of_the_coarsest_map(projected):
    assert [tuple(maps.shape[1:]) for maps in projected.mixtures(IMAGES)] == [
        (8, 32, 32),
        (8, 16, 16),
        (8, 8, 8),
        (8, 4, 4),
    ]
    assert projected(IMAGES).scores.shape == (4, 4 * 4 * 4)


def test_maps_are_those_of_the_network_itself():
    network = load_efficientnet_lite0()
    seen, wanted = network.stem((IMAGES * 127.5 + 0.5) / 128), []
    for number, block in enumerate(network.blocks, start=1):
        seen = block(seen)
        wanted += [seen] if number in (2, 7) else []
    found = load_frozen("efficientnet-lite0", [2, 7])(IMAGES)
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_finer_mixtures_see_the_coarser_maps_and_not_the_other_way_round(projected):
    mixed = projected.mixtures(IMAGES)
    maps = projected.frozen(IMAGES)
    projected.frozen.forward, kept = lambda images: [*maps[:3], maps[3] + 1], projected.frozen.forward
    try:
        moved = projected.mixtures(IMAGES)
        projected.frozen.forward = lambda images: [maps[0] + 1, *maps[1:]]
        finest = projected.mixtures(IMAGES)
    finally:
        projected.frozen.forward = kept
    assert all(not torch.equal(a, b) for a, b in zip(mixed, moved, strict=True))
    assert [torch.equal(a, b) for a, b in zip(mixed, finest, strict=True)] == [False, True, True, True]


def test_only_the_heads_are_trained_and_a_checkpoint_does_not_hold_the_frozen_network(projected):
    trained = {key.split(".")[0] for key, weights in projected.named_parameters() if weights.requires_grad}
    held = {key.split(".")[0] for key in projected.state_dict()}
    assert trained == {"heads", "score"}
    assert held == {"heads", "score", "channel_mixtures", "scale_mixtures"}


def test_the_frozen_network_goes_where_the_discriminator_goes():
    moved = Projected((3, 32, 32), width=2).to("meta")
    assert next(moved.frozen._network[0].parameters()).device.type == "meta"


def test_trained_weights_have_a_spectral_norm_of_one(projected):
    projected.train()
    for _ in range(200):  # power iterations
        projected(IMAGES[:1])
    layers = [layer for layer in projected.heads.modules() if isinstance(layer, torch.nn.Conv2d)]
    norms = [float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)) for layer in layers]
    assert norms == pytest.approx([1.0] * len(norms), abs=1e-3)


def test_a_penalty_takes_the_gradient_of_the_mean_score():
    images = torch.rand(3, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    slopes = torch.tensor([[1.0, 2.0], [0.0, 4.0], [3.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    found = squared_gradient(images @ slopes, images)
    assert found.tolist() == pytest.approx([float(slopes.mean(1).square().sum())] * 3)


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "efficientnet-lite0"])
def test_looks_through_other_networks(name):
    torch.manual_seed(0)
    scores = Projected((1, 48, 48), features=name, width=4)(IMAGES[:2, :1, :48, :48]).scores
    assert scores.shape[0] == 2
    assert torch.isfinite(scores).all()


def test_a_network_is_called_as_the_distance_in_its_features_is():
    assert set(SOURCES) <= set(entries("allmodes.distances", Distance))


@pytest.mark.parametrize(("name", "least"), [("st-alexnet", 32), ("st-vgg16", 18)])
def test_refuses_images_that_are_too_small_for_a_network(name, least):
    assert Projected((1, least, least), features=name, width=2)(torch.zeros(1, 1, least, least)).scores.ndim == 2
    with pytest.raises(UserError, match=f"images of {least} x {least} or more, not of {least - 1} x 40"):
        Projected((3, least - 1, 40), features=name)


@pytest.mark.parametrize("blocks", [[], [0], [3, 1], [1, 1], [17]])
def test_refuses_blocks_that_are_not_there(blocks):
    with pytest.raises(UserError, match=r"discriminator\.blocks"):
        Projected((3, 32, 32), blocks=blocks)


def test_refuses_what_it_cannot_look_at():
    with pytest.raises(UserError, match="did you mean|no network"):
        Projected((3, 32, 32), features="efficientnet")
    with pytest.raises(UserError, match="grey or colour"):
        Projected((4, 32, 32))
