"""What a file of ranges may say: the phases of a search, and what each of them may change in a recipe."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from unmask.engines.errors import UnmaskError
from unmask.training.tune.recipe_file import recipe_text
from unmask.training.zoo.recipe import Recipe, changed

FAMILIES = Path(__file__).parent / "families"

NOTHING = "null"
"""How a choice says None, which TOML cannot write: no setting of a recipe has this text as its value."""


class RangesError(UnmaskError):
    """A file of ranges is unreadable, contradicts itself, or does not fit the recipe."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Choices(_Strict):
    """One of these. A table changes several settings that belong together, such as height and width."""

    choices: Annotated[tuple[Any, ...], Field(min_length=2, max_length=64)]


class Span(_Strict):
    """From ``low`` to ``high``, both included: whole numbers where both are. ``log``: spread evenly over
    the orders of magnitude. ``step`` counts from ``low``."""

    low: int | float
    high: int | float
    step: Annotated[int | float, Field(gt=0)] | None = None
    log: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Span:
        if self.low >= self.high:
            raise ValueError("low must be smaller than high")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs a low above 0, and no step")
        return self

    @property
    def whole(self) -> bool:
        return all(isinstance(value, int) for value in (self.low, self.high, self.step or 1))


def _kind(content: Any) -> str:
    choices = isinstance(content, Choices) or (isinstance(content, dict) and "choices" in content)
    return "choices" if choices else "span"


Range = Choices | Span
_Told = Annotated[Annotated[Choices, Tag("choices")] | Annotated[Span, Tag("span")], Discriminator(_kind)]


class Phase(_Strict):
    """``trials`` tries over ``ranges``: dotted names of a recipe's settings, as ``--set`` takes them."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    trials: Annotated[int, Field(ge=1, le=10_000)]
    ranges: Annotated[dict[str, _Told], Field(min_length=1)]


class Ranges(_Strict):
    """The phases in their order. The first ``startup`` trials of a phase are drawn blindly and never cut
    short; later ones may be, from epoch ``warm_up`` on, where they fall behind the median."""

    phase: Annotated[tuple[Phase, ...], Field(min_length=1, max_length=9)]
    startup: Annotated[int, Field(ge=1, le=1000)] = 5
    warm_up: Annotated[int, Field(ge=1, le=1000)] = 2

    @model_validator(mode="after")
    def _names_differ(self) -> Ranges:
        if len({phase.name for phase in self.phase}) < len(self.phase):
            raise ValueError("two phases have the same name")
        return self


def family_of(recipe: Recipe) -> str:
    """Which of the project's files of ranges is for ``recipe``: its kind of network, or ``temporal``."""
    return "temporal" if recipe.head.time != "mean" else recipe.network.kind


def find_ranges(recipe: Recipe, path: Path | None = None) -> Ranges:
    """The ranges of ``path``, or those of the recipe's family, tried on the recipe. Raises ``RangesError``,
    and ``RecipeError`` where the recipe cannot take an end or a choice of a range."""
    path = path or FAMILIES / f"{family_of(recipe)}.toml"
    try:
        ranges = Ranges.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise RangesError(f"There is no file of ranges {path}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = first["msg"].removeprefix("Value error, ")
        raise RangesError(f"{path} is no file of ranges: {where}: {reason}.") from error
    except (OSError, ValueError, RecursionError) as error:  # also a number with too many digits
        raise RangesError(f"{path} is no readable TOML: {error}.") from error
    for phase in ranges.phase:
        for key, one in phase.ranges.items():
            for value in ends(one):
                # Also that it can be written down again, since the end of a search is a recipe file.
                recipe_text(changed(recipe, {key: value}))
    return ranges


def ends(one: Range) -> Iterator[Any]:
    """The values to try a range by: its ends, or every choice."""
    yield from map(meant, one.choices) if isinstance(one, Choices) else (one.low, one.high)


def meant(choice: Any) -> Any:
    return None if choice == NOTHING else choice
