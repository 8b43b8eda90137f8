r"""What a prior with parameters descends: the loss of the generator that it feeds, by its latents.

.. math:: \nabla_\psi L_G = \frac{\partial L_G}{\partial z} \frac{\partial z}{\partial \psi},
          \qquad z = P_\psi(\epsilon)

(reparameterisation, Kingma & Welling 2014; of a mixture, Ben-Yosef & Weinshall 2018). One pass through the generator
serves both players. Weights of a mixture that are learnt descend beside it

.. math:: \frac{1}{B - 1} \sum_i (l_i - \bar l) \log \pi_{k_i}

where :math:`l_i` is what sample i costs the generator: the slope of the expected cost, without bias, since the mean of
the others is no matter of :math:`k_i` (score function, Williams 1992).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ...core.moment import Moment
from ...priors.base import Prior
from .base import Loss, Step, Term


class PriorTerm(Term):
    """What the generator's backward pass has left at the step's latents is their gradient.

    Args:
        fresh: whether the latents of a step are drawn from the prior; where they are not, it has no turn.
    """

    name = "prior"
    player = "prior"

    def __init__(self, fresh: Callable[[Moment], bool]) -> None:
        self.fresh = fresh

    def on(self, moment: Moment) -> bool:
        return self.fresh(moment)

    def loss(self, step: Step) -> Loss:
        if step.leaf.grad is None:
            raise RuntimeError("the generator's turn comes first, with its backward pass")
        value = (step.drawn.z * step.leaf.grad).sum()
        chances = step.prior.log_chances(step.drawn)
        if chances is not None:
            value = value + expected_cost(chances, step)
        penalty = step.prior.penalty()
        return Loss(value if penalty is None else value + penalty)


def expected_cost(chances: Tensor, step: Step) -> Tensor:
    """This process's share of what weights descend, from the log-probabilities of the step's components ``(B,)``.

    Raises:
        RuntimeError: no term of the generator has said what samples cost.
    """
    if step.costs is None:
        raise RuntimeError("no term of the generator charges its samples")
    n, workers = step.moment.batch_size, step.moment.workers
    mean = workers.gather(step.costs.mean()).mean()
    return ((step.costs - mean) * chances).mean() * (n / max(n - 1, 1))


def prior_terms(prior: Prior, fresh: Callable[[Moment], bool] = lambda moment: True) -> tuple[PriorTerm, ...]:
    """The term of a prior that has parameters; of another, none. ``fresh`` as in :class:`PriorTerm`."""
    return (PriorTerm(fresh),) if trained(prior) else ()


def trained(prior: Prior) -> dict[str, Prior]:
    """The prior as a player, by its name, if it has parameters."""
    return {"prior": prior} if any(True for _ in prior.parameters()) else {}
