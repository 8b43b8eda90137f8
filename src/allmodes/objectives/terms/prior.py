r"""What a prior with parameters descends: the loss of the generator that it feeds, by its latents.

.. math:: \nabla_\psi L_G = \frac{\partial L_G}{\partial z} \frac{\partial z}{\partial \psi},
          \qquad z = P_\psi(\epsilon)

(reparameterisation, Kingma & Welling 2014; of a mixture, Ben-Yosef & Weinshall 2018). One pass through the generator
serves both players.
"""

from __future__ import annotations

from collections.abc import Callable

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
        return Loss((step.drawn.z * step.leaf.grad).sum())


def prior_terms(prior: Prior, fresh: Callable[[Moment], bool] = lambda moment: True) -> tuple[PriorTerm, ...]:
    """The term of a prior that has parameters; of another, none. ``fresh`` as in :class:`PriorTerm`."""
    return (PriorTerm(fresh),) if trained(prior) else ()


def trained(prior: Prior) -> dict[str, Prior]:
    """The prior as a player, by its name, if it has parameters."""
    return {"prior": prior} if any(True for _ in prior.parameters()) else {}
