"""Files of ranges: those of the project fit their recipes, wrong ones are told in a sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from unmask.engines.errors import UnmaskError
from unmask.training.tune.ranges import FAMILIES, RangesError, Span, ends, family_of, find_ranges
from unmask.training.tune.recipe_file import recipe_text
from unmask.training.zoo.recipe import RecipeError, changed, parse_recipe, read_recipe
from unmask.training.zoo.registry import find_recipe, recipe_names

GOOD = '[[phase]]\nname = "a"\ntrials = 2\n[phase.ranges]\n"optimiser.rate" = {{ {} }}\n'


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_three_phases_that_it_can_take(name: str) -> None:
    ranges = find_ranges(find_recipe(name))
    assert [phase.name for phase in ranges.phase] == ["architecture", "optimisation", "regularisation"]
    of_phase = [set(phase.ranges) for phase in ranges.phase]
    assert {"optimiser.kind", "optimiser.rate", "training.batch"} <= of_phase[1]
    assert not of_phase[0] & of_phase[1]


def test_every_family_is_of_some_recipe() -> None:
    assert {path.stem for path in FAMILIES.glob("*.toml")} == {family_of(find_recipe(n)) for n in recipe_names()}


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_survives_being_written(name: str, tmp_path: Path) -> None:
    recipe = find_recipe(name)
    path = tmp_path / "again.toml"
    path.write_text(recipe_text(recipe), encoding="utf-8")
    assert read_recipe(path) == recipe


def test_a_recipe_with_stages_and_odd_texts_survives_being_written() -> None:
    recipe = changed(
        find_recipe("cnn"),
        {"summary": 'a "quoted" \\ Grüße', "freeze.stages": ({"epoch": 1, "train_last": 2, "rate": 1e-5},)},
    )
    assert parse_recipe(tomllib.loads(recipe_text(recipe)), "x") == recipe


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(RecipeError, match="cannot be written"):
        recipe_text(changed(find_recipe("cnn"), {"optimiser.clip": None}))


@pytest.mark.parametrize(
    ("text", "error", "complaint"),
    [
        ("", RangesError, "phase"),
        ("phase = 1 1", RangesError, "no readable TOML"),
        (GOOD.format("low = 2.0, high = 1.0"), RangesError, "low must be smaller"),
        (GOOD.format("low = 0.0, high = 1.0, log = true"), RangesError, "log needs"),
        (GOOD.format("low = -1.0, high = 1.0"), RecipeError, "optimiser.rate"),
        (GOOD.format("choices = [1.0]"), RangesError, "choices"),
        (2 * GOOD.format("low = 0.1, high = 1.0"), RangesError, "same name"),
        (GOOD.format("low = 0.1, high = 1.0").replace("rate", "speed"), RecipeError, "optimiser.speed"),
        (GOOD.format('choices = [0.1, "null"]').replace("rate", "clip"), RecipeError, "cannot be written"),
    ],
)
def test_a_wrong_file_is_told_in_a_sentence(
    text: str, error: type[UnmaskError], complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "ranges.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=complaint) as caught:
        find_ranges(find_recipe("cnn"), path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RangesError, match="There is no file of ranges"):
        find_ranges(find_recipe("cnn"), tmp_path / "none.toml")


def test_whole_numbers_stay_whole() -> None:
    assert Span(low=1, high=4).whole
    assert not Span(low=1, high=4.0).whole
    assert not Span(low=1, high=4, step=0.5).whole


def test_null_is_none() -> None:
    jpeg = find_ranges(find_recipe("cnn")).phase[2].ranges["augmentation.jpeg"]
    assert None in list(ends(jpeg))
