"""The one registry: which recipes there are, and which function builds which kind of network."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.engines.errors import UnmaskError
from unmask.training.zoo.recipe import Recipe, RecipeError, Timm, read_recipe

if TYPE_CHECKING:
    from unmask.training.zoo.models.base import ZooModel

RECIPES = Path(__file__).parent / "recipes"

#: Kind of network -> (module, function ``(recipe) -> Backbone``). Imported when it is built.
BUILDERS = {
    "feed-forward": ("unmask.training.zoo.models.small", "feed_forward"),
    "cnn": ("unmask.training.zoo.models.small", "cnn"),
    "c5": ("unmask.training.zoo.models.attention", "c5"),
    "mobilenet-v2": ("unmask.training.zoo.models.mobilenet", "mobilenet"),
    "timm": ("unmask.training.zoo.models.timm_backbone", "timm_backbone"),
}


class TrainingUnavailable(UnmaskError):
    """A library that training needs is not installed."""


def require(*libraries: str) -> None:
    """Raise ``TrainingUnavailable`` for the first of ``libraries`` that is not installed."""
    for name in libraries:
        if importlib.util.find_spec(name) is None:
            raise TrainingUnavailable(f"Training needs {name}, which is not installed: pip install 'unmask[train]'.")


def recipe_names() -> list[str]:
    """The names of the recipes that come with the project, sorted."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def find_recipe(name_or_path: str) -> Recipe:
    """A recipe by its name, or from a path that ends in ``.toml``. Raises ``RecipeError``."""
    if name_or_path.endswith(".toml"):
        return read_recipe(Path(name_or_path))
    names = recipe_names()
    if name_or_path not in names:
        near = difflib.get_close_matches(name_or_path, names, n=1)
        guess = f"did you mean {near[0]}?" if near else "--list shows them all."
        raise RecipeError(f"There is no recipe {name_or_path!r}; {guess}")
    return read_recipe(RECIPES / f"{name_or_path}.toml")


def needs(recipe: Recipe) -> tuple[str, ...]:
    """The libraries that building ``recipe`` takes."""
    return ("torch", "timm") if isinstance(recipe.network, Timm) else ("torch",)


def build_model(recipe: Recipe, classes: Sequence[str] = ("real", "fake")) -> ZooModel:
    """The network of ``recipe`` with random weights, drawn from torch's global generator.

    ``classes`` starts with ``real``; two classes become one logit. Raises ``TrainingUnavailable``.
    """
    require(*needs(recipe))
    from unmask.training.zoo.models.base import ZooModel

    module, function = BUILDERS[recipe.network.kind]
    backbone = getattr(importlib.import_module(module), function)(recipe)
    return ZooModel(backbone, recipe, tuple(classes))
