"""Weights of examples by how rare their colours are: densities as scipy has them, shares of a planted set by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy.stats import gaussian_kde

from allmodes.core.errors import UserError
from allmodes.core.moment import Moment
from allmodes.core.records import Batch
from allmodes.core.workers import Alone
from allmodes.distances.pixels import Pixels
from allmodes.matching.nearest import Nearest
from allmodes.networks.generators.cascade import Cascade
from allmodes.objectives.imle import Imle
from allmodes.objectives.terms.rarity import Rarity, density
from allmodes.priors.gaussian import Gaussian

SIZE = 10  # examples of a batch
RARE, COMMON = torch.tensor([0.8, -0.6, -0.4]), torch.tensor([-0.5, 0.1, 0.6])


def moment(data: Batch, step: int = 0) -> Moment:
    """Batches of a fixed set whose order is drawn anew every epoch."""

    def upcoming(ahead: int) -> Batch:
        epoch, place = divmod((step + ahead) * SIZE, len(data))
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(epoch))
        return data[order[place : place + SIZE]]

    return Moment(step, 0.0, 0, SIZE, torch.device("cpu"), Alone(), upcoming, len(data))


def of_colours(colours: torch.Tensor, inputs: torch.Tensor) -> Batch:
    """Pictures of one colour each, ``(n, 3) -> (n, 3, 8, 8)``."""
    images = colours[:, :, None, None].expand(-1, -1, 8, 8).contiguous()
    return Batch(images, torch.arange(len(images)), inputs=inputs)


def planted() -> Batch:
    """A hundred pictures of which every twentieth has the rare colour."""
    colours = torch.stack([RARE if number % 20 == 7 else COMMON for number in range(100)])
    return of_colours(colours, torch.zeros(100, 3, 4, 4))


@pytest.mark.parametrize(("n", "d"), [(50, 3), (200, 3), (40, 1)])
def test_the_density_is_that_of_scipy_up_to_a_factor(n, d):
    points = torch.randn(n, d, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
    points = points @ torch.tensor([[1.0, 0.5, 0.2], [0.0, 0.3, 0.1], [0.0, 0.0, 2.0]], dtype=torch.float64)[:d, :d]
    expected = torch.from_numpy(gaussian_kde(points.T.numpy())(points.T.numpy()))
    ratio = density(points) / expected
    assert torch.allclose(ratio, ratio[0].expand(n), rtol=1e-9)


def test_colours_on_a_line_have_the_density_of_the_line():
    along = torch.randn(60, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    grey = along.expand(-1, 3)
    assert torch.allclose(density(grey), density(along), rtol=1e-6)


def test_a_colour_of_one_in_twenty_counts_as_much_as_all_others():
    """Two colours far apart: densities 0.95 and 0.05 of all, so that either colour has half of all weight."""
    rarity = Rarity()
    rarity.measure(moment(planted()))
    rare = torch.arange(100) % 20 == 7
    assert torch.allclose(rarity.weights[rare], torch.tensor(50 / 5), rtol=1e-4)
    assert torch.allclose(rarity.weights[~rare], torch.tensor(50 / 95), rtol=1e-4)


def test_weights_do_not_depend_on_the_order_in_which_examples_come():
    first, later = Rarity(), Rarity()
    first.measure(moment(planted()))
    later.measure(moment(planted(), step=17))
    assert torch.equal(first.weights, later.weights)


def test_pictures_of_one_colour_all_weigh_the_same():
    rarity = Rarity()
    rarity.measure(moment(of_colours(COMMON.expand(20, 3), torch.zeros(20, 3, 4, 4))))
    assert torch.equal(rarity.weights, torch.ones(20))


def test_under_label_maps_the_colours_of_each_label_are_weighed_by_themselves():
    """Doors are common or rare in colour where walls are all alike: half of all weight goes by the doors."""
    data = planted()
    labels = torch.zeros(100, 8, 8, dtype=torch.int64)
    labels[:, :, 6:] = 1
    walls = torch.where(labels[:, None] == 0, torch.tensor(0.3), data.images)
    rarity = Rarity()
    rarity.measure(moment(Batch(walls, data.index, inputs=labels)))
    rare = torch.arange(100) % 20 == 7
    assert torch.allclose(rarity.weights[rare], torch.tensor((1 + 50 / 5) / 2), rtol=1e-4)
    assert torch.allclose(rarity.weights[~rare], torch.tensor((1 + 50 / 95) / 2), rtol=1e-4)


def test_a_label_that_few_examples_show_has_no_part_in_it():
    data = planted()
    labels = torch.zeros(100, 8, 8, dtype=torch.int64)
    labels[:9, 0, 0] = 4
    few, none = Rarity(), Rarity()
    few.measure(moment(replace(data, inputs=labels)))
    none.measure(moment(replace(data, inputs=torch.zeros_like(labels))))
    assert torch.allclose(few.weights, none.weights, rtol=1e-6)


def test_an_example_that_shows_only_labels_of_few_counts_as_any():
    data = planted()
    labels = torch.zeros(100, 8, 8, dtype=torch.int64)
    labels[40:44] = 3
    rarity, others = Rarity(), torch.ones(100, dtype=torch.bool).index_fill_(0, torch.arange(40, 44), False)
    rarity.measure(moment(replace(data, inputs=labels)))
    assert torch.equal(rarity.weights[40:44], torch.ones(4))
    assert float(rarity.weights.mean()) == pytest.approx(1, rel=1e-5)
    rare = torch.arange(100) % 20 == 7
    assert float(rarity.weights[rare].sum()) == pytest.approx(96 / 2, rel=1e-3)  # of two colours
    assert float(rarity.weights[others & ~rare].sum()) == pytest.approx(96 / 2, rel=1e-3)


def test_few_examples_and_data_that_is_composed_afresh_are_refused():
    with pytest.raises(UserError, match="needs at least 10 examples that show the same label"):
        Rarity().measure(replace(moment(planted()), upcoming=lambda ahead: planted()[:5], examples=5))
    with pytest.raises(UserError, match="'objective.rarity' weighs every example by all others"):
        Rarity().measure(replace(moment(planted()), examples=None))


def test_the_objective_weighs_each_matched_distance_and_keeps_the_weights():
    data = planted()
    torch.manual_seed(0)
    generator = Cascade((3, 8, 8), 4, inputs=(3, 4, 4), width=4, widest=4, style=4)
    parts = {"distance": Pixels(), "matching": Nearest(pool=2, refresh=3)}
    method, again = (Imle(generator, Gaussian(4), rarity=True, **parts) for _ in range(2))
    now = next(at for at in (moment(data, step) for step in range(10)) if (at.upcoming(0).index % 20 == 7).any())
    method.prepare(now)
    batch = now.upcoming(0)
    value = method.terms[0].loss(method.step(batch, now)).value.detach()
    samples = generator(method.rounds.matched(now).latents, batch.inputs).detach().double()
    squares = (samples - batch.images.double()).square().mean((1, 2, 3))
    weights = torch.tensor([50 / 5 if number % 20 == 7 else 50 / 95 for number in batch.index.tolist()])
    assert 0 < int((weights > 1).sum()) < SIZE
    assert float(value) == pytest.approx(float((weights * squares).mean()), rel=1e-4)
    again.load_state_dict(method.state_dict())
    assert torch.equal(again.terms[0].rarity.weights, method.terms[0].rarity.weights)
