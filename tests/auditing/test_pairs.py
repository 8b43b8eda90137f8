"""What is missing given the input is found where answers alone miss nothing, and a fair generator is not blamed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from allmodes.auditing import Examples, audit
from allmodes.auditing.pairs import joined, split_pairs
from allmodes.core.errors import UserError

N = 1_200


def asked(kind: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Grey inputs of 4 x 4 of two kinds: bright on the left, or on the right."""
    inputs = np.full((N, 1, 4, 4), -0.5) + 0.1 * rng.standard_normal((N, 1, 4, 4))
    inputs[kind == 0, :, :, :2] += 1
    inputs[kind == 1, :, :, 2:] += 1
    return torch.from_numpy(inputs).float().clamp(-1, 1)


def painted(colour: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Answers of 8 x 8, red or blue, which do not show the kind of their inputs."""
    images = np.full((N, 3, 8, 8), -0.5) + 0.1 * rng.standard_normal((N, 3, 8, 8))
    for chosen, channel in enumerate((0, 2)):
        images[colour == chosen, channel] += 1
    return torch.from_numpy(images).float().clamp(-1, 1)


def world(seed: int) -> tuple[np.ndarray, Tensor, Tensor, np.random.Generator]:
    """Kinds, inputs, and the answers of the data: of either colour, as often, whatever the kind is."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, N)
    return kind, asked(kind, rng), painted(rng.integers(0, 2, N), rng), rng


def test_a_generator_that_gives_one_colour_to_each_kind_of_input_drops_half():
    kind, inputs, real, rng = world(0)
    one = Examples.of(painted(kind, rng))  # each colour as often as in the data
    alone = audit(Examples.of(real), one, metrics=())
    assert not alone.dropped
    assert alone.difference.p_value > 0.01
    found = audit(Examples.of(real), one, inputs=inputs, metrics=())
    assert 0.3 < found.dropped_mass.ci95[0] <= found.dropped_mass.estimate < 0.6
    assert found.dropped
    for region in found.dropped:
        members = list(region.members)
        images, given = found.real.images[members].float(), found.real.given.images[members].float()
        blue = images[:, 2].mean((1, 2)) > images[:, 0].mean((1, 2))
        left = given[..., :4].mean((1, 2, 3)) > given[..., 4:].mean((1, 2, 3))
        assert (blue == left).float().mean() > 0.95  # to the left red alone was made, to the right blue
    assert "given the input" in found.warnings[0]
    assert found.distance["name"] == "pixels of pairs, random-convolution of pairs"


def test_a_fair_generator_passes():
    alarms = 0
    for seed in range(4):
        _, inputs, real, rng = world(seed)
        fair = Examples.of(painted(rng.integers(0, 2, N), rng))
        found = audit(Examples.of(real), fair, inputs=inputs, metrics=(), seed=seed)
        alarms += bool(found.dropped)
        assert found.difference.p_value > 0.001
        assert found.copied_mass.ci95[0] < 0.01  # an answer to the input of an example is no copy of the example
    assert alarms <= 1  # of 4, where one in twenty is allowed


def test_an_input_is_on_one_side_only():
    inputs, real = torch.rand(41, 3), torch.rand(41, 5)
    fake = torch.cat([inputs, torch.rand(41, 2)], 1)
    data, answers, mine = split_pairs(Examples.of(real), Examples.of(fake), inputs, seed=3)
    assert len(data) == 21
    assert len(answers) == 20
    assert torch.equal(data.features, real[mine])
    assert torch.equal(data.given.features, inputs[mine])
    assert torch.equal(answers.features[:, :3], answers.given.features)  # each beside its own
    shared = torch.cdist(data.given.features, answers.given.features) == 0
    assert not shared.any()


def test_what_an_input_says_of_its_answer_is_counted_once():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(5_000, 4, generator=generator) * 7
    detail = torch.randn(5_000, 4, generator=generator) * 0.5
    real, fake = joined(2 * inputs[:2500] + detail[:2500], 2 * inputs[2500:], inputs[:2500], inputs[2500:])
    torch.testing.assert_close(real[:, :4], detail[:2500], atol=0.1, rtol=0)
    torch.testing.assert_close(fake[:, :4], torch.zeros(2500, 4), atol=0.1, rtol=0)
    parts = real.var(0, unbiased=False).view(2, 4).sum(1)
    assert float(parts[0]) == pytest.approx(float(parts[1]), rel=1e-4)
    alone, _ = joined(detail, detail, torch.ones(5_000, 4), torch.ones(5_000, 4))  # inputs that say nothing
    torch.testing.assert_close(alone, torch.cat([detail, torch.zeros(5_000, 4)], 1))


@pytest.mark.parametrize(
    ("real", "answers", "inputs", "said"),
    [
        (30, 30, torch.rand(29, 3), "30 examples for 29 inputs and 30 answers"),
        (30, 28, torch.rand(30, 3), "30 examples for 30 inputs and 28 answers"),
        (30, 30, torch.rand(30, 3), r"pairs are too few \(30\).* at least 40"),
        (40, 40, torch.rand(40, 1, 4, 4), "both images or both features"),
        (30, 30, torch.zeros(30, 3, dtype=torch.int64), "floats"),
    ],
)
def test_what_does_not_pair_is_said(real, answers, inputs, said):
    with pytest.raises(UserError, match=said):
        audit(torch.rand(real, 5), torch.rand(answers, 5), inputs=inputs)
