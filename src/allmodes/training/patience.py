"""Patience: a training ends when its samples have been copies for a while, and keeps the model from before.

Of few images a generator first learns what they have in common, then the images themselves. Quick looks measure the
share of samples that copy a training image, beyond chance, with its interval (:func:`allmodes.metrics.copied_mass`).

**The rule.** A look sees copies if the lower end of that interval is above 2%. The training ends at a look that sees
copies if all looks since ``patience`` presentations before it, or longer, saw them, too, and a look before these saw
none. The model is then that of the last look that saw none. A patience of 0 never ends it.

The rule only ends a training, and changes no step of it: with ``--patience 0`` it goes on from where it ended, as if it
had never stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SCORE = "copied_mass"
CLEARLY = 0.02  # of the samples, at least, must be copies


@dataclass(frozen=True)
class Looks:
    """What the looks of a training have seen; everything in presentations.

    Args:
        latest: when the latest look was.
        clean: when the last look was that saw no copies; None before there is one.
        since: when the first of the looks was that have seen copies ever since; None if the latest saw none.
    """

    latest: int = 0
    clean: int | None = None
    since: int | None = None

    def after(self, images: int, low: float) -> Looks:
        """With a further look.

        Args:
            images: presentations until then.
            low: lower end of the interval of the copied mass.
        """
        if low <= CLEARLY:
            return Looks(images, clean=images)
        return replace(self, latest=images, since=images if self.since is None else self.since)

    def over(self, patience: int) -> bool:
        """Whether the training ends here."""
        if self.clean is None or self.since is None or patience == 0:
            return False
        return self.latest - self.since >= patience

    def forgiven(self) -> Looks:
        """As if copies had first been seen at the latest look."""
        return replace(self, since=None if self.since is None else self.latest)


@dataclass(frozen=True)
class Ended:
    """How a training ended early; everything in presentations.

    Args:
        images: that it had.
        of: that it was to have.
        since: when a look first saw the copies.
        model: those of the model that it keeps.
    """

    images: int
    of: int
    since: int
    model: int

    def __str__(self) -> str:
        return (
            f"It ended after {self.images:,} of {self.of:,} presentations, as its samples have been copies of training "
            f"images, some of them, since {self.since:,}: the model is that of {self.model:,}. --patience 0 goes on."
        )

    def holds(self, patience: int, images: int) -> bool:
        """Whether a training with this patience and of so many images ends there, too."""
        return images <= self.of and Looks(self.images, self.model, self.since).over(patience)
