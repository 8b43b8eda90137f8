"""The resolved recipe: it alone reproduces the run."""

from __future__ import annotations

from ..base import Section
from ..page import fill
from ..run_files import RunFiles


class Recipe(Section):
    """The recipe as YAML."""

    name = "recipe"
    order = 70
    title = "Recipe"

    def render(self, run: RunFiles) -> str | None:
        return fill("recipe.html", text=run.recipe_text, prolonged=run.prolonged)
