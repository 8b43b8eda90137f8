"""A model whose generator is told the class: it draws classes as often as the data has them, and inverts under them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from allmodes.core.errors import UserError
from allmodes.model import Model, build_networks, load
from allmodes.priors import draws

CONFIG = {
    "generator": {"name": "mlp", "widths": [8], "slope": 0.2, "classes": 3},
    "prior": {"name": "gaussian", "dim": 2},
    "shape": [1, 4, 4],
}
SHARES = [0.6, 0.1, 0.3]


def made(prior: dict | None = None, shares: list[float] | None = SHARES, **generator) -> Model:
    config = {**CONFIG, "prior": prior or CONFIG["prior"], "generator": {**CONFIG["generator"], **generator}}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = build_networks(config)
        if config["generator"]["classes"]:
            parts[0].embedding.weight.data *= 20  # classes far from each other
    return Model(*parts, config=config, card={"classes": shares})


def test_classes_come_as_often_as_in_the_data():
    drawn = made().draw(5_000)
    counts = drawn.condition.bincount(minlength=3) / 5_000
    torch.testing.assert_close(counts, torch.tensor(SHARES), atol=0.03, rtol=0)
    equal = made(shares=None).draw(3_000).condition.bincount(minlength=3) / 3_000
    torch.testing.assert_close(equal, torch.full((3,), 1 / 3), atol=0.03, rtol=0)
    few = made().draw(7)
    assert torch.equal(few.condition, drawn.condition[:7])
    assert torch.equal(few.z, drawn.z[:7])


@pytest.mark.parametrize("shares", [SHARES, None])
@pytest.mark.parametrize("classes", [3, None])
def test_components_of_classes_are_said_to_come_as_often_as_they_do(classes, shares):
    prior = {"name": "dynamic-mixture", "dim": 2, "components": 6, "classes": classes, "weights": "learned"}
    model = made(prior, shares, classes=0)
    with torch.no_grad():
        model.prior.logits.copy_(torch.tensor([0.0, 0.12, -0.1, 0.05, -0.03, 0.08]))
    counts = np.bincount(model.draw(20_000).component, minlength=6)
    expected = draws.weights(model.prior, shares).double()
    assert float(expected.sum()) == pytest.approx(1)
    assert chisquare(counts, 20_000 * (expected / expected.sum()).numpy()).pvalue > 1e-3


def test_a_label_or_one_for_each_sample_is_what_the_generator_is_given():
    model = made()
    z = model.draw(6).z
    with torch.no_grad():
        expected = model.generator(z, torch.tensor([2, 0, 1, 1, 0, 2]))
        alike = model.generator(z, torch.full((6,), 1))
    torch.testing.assert_close(model.sample(6, condition=torch.tensor([2, 0, 1, 1, 0, 2])), expected)
    torch.testing.assert_close(model.sample(6, label=1), alike)


def test_a_tied_prior_draws_the_class_that_the_generator_is_told():
    prior = {"name": "gaussian-mixture", "dim": 2, "components": 6, "classes": 3, "spread": 9.0, "sigma": 0.01}
    model = made(prior)
    for drawn in (model.draw(200), model.draw(3, condition=torch.tensor([2, 0, 1])), model.draw(9, component=4)):
        component = torch.cdist(drawn.z, model.prior.means).argmin(1)
        assert torch.equal(component, drawn.component)
        assert torch.equal(component % 3, drawn.condition)
    assert model.draw(9, component=4).condition.tolist() == [1] * 9
    free = made(prior, classes=0)  # the prior alone is tied: its classes come as often as in the data, too
    component = torch.cdist(free.draw(5_000).z, free.prior.means).argmin(1)
    torch.testing.assert_close((component % 3).bincount() / 5_000, torch.tensor(SHARES), atol=0.03, rtol=0)
    assert free.draw(5).condition is None


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"label": 3}, "There is no label 3: this model has 0 to 2"),
        ({"label": -1}, "There is no label -1"),
        ({"condition": torch.tensor([0, 3])}, "There is no label 3: this model has 0 to 2"),
        ({"condition": torch.tensor([0, 1, 2])}, "3 conditions for 2 samples"),
        ({"condition": torch.tensor([0.5, 1.0])}, "give a whole number for each"),
        ({"condition": torch.tensor([0, 1]), "label": 1}, "a label and of a condition"),
    ],
)
def test_what_the_model_cannot_give_is_one_sentence(asked, sentence):
    with pytest.raises(UserError, match=sentence):
        made().sample(2, **asked)


def test_a_generator_that_is_told_nothing_takes_no_condition():
    with pytest.raises(UserError, match="'mlp' takes no condition"):
        made(classes=0).sample(2, condition=torch.tensor([0, 1]))
    with pytest.raises(UserError, match="no classes, nor has its generator"):
        made(classes=0).sample(2, label=0)
    with pytest.raises(UserError, match="2 conditions for 3 samples"):
        made().decode(torch.zeros(3, 2), torch.tensor([0, 1]))


def test_samples_are_inverted_under_their_own_classes_found_or_given():
    model = made()
    labels = torch.tensor([2, 0, 1, 0])
    images = model.sample(4, seed=3, condition=labels)
    found = model.invert(images, pool=600, steps=60)
    assert torch.equal(found.condition, labels)
    gaps = (model.decode(found.latents, found.condition) - images).flatten(1).norm(dim=1)
    torch.testing.assert_close(gaps, found.distances, rtol=1e-3, atol=1e-4)
    assert float(found.distances.max()) < 0.3
    given = model.invert(images, pool=600, steps=0, condition=labels)
    pool = model.draw(600).z
    for image, label, distance in zip(images, labels, given.distances, strict=True):
        samples = model.decode(pool, torch.full((600,), int(label)))
        torch.testing.assert_close((samples - image).flatten(1).norm(dim=1).min(), distance, rtol=1e-4, atol=1e-4)


def test_it_is_the_same_after_it_was_saved(tmp_path):
    model = made()
    model.save(tmp_path)
    assert torch.equal(load(tmp_path).sample(20), model.sample(20))
    assert load(tmp_path).classes == 3
