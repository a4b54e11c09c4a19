"""A recipe as the text of a file that ``read_recipe`` reads."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from unmask.training.zoo.recipe import Recipe, RecipeError, parse_recipe


def recipe_text(recipe: Recipe) -> str:
    """TOML that says all of ``recipe``. Raises ``RecipeError`` for what TOML cannot say: None where the
    default is another value."""
    content = recipe.model_dump(mode="json")
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    lines = _lines(plain)
    for name, table in content.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *_lines(table)]
    text = "\n".join(lines) + "\n"
    if parse_recipe(tomllib.loads(text), recipe.name) != recipe:
        raise RecipeError(f"{recipe.name} cannot be written as a file: a setting is null that is not so by default.")
    return text


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_lines(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    # What JSON writes for texts, numbers and truth values is TOML too.
    return json.dumps(value, ensure_ascii=False)
