"""Tables that a person can read: units, ranges, reasons, and no more columns than a page has room for."""

from __future__ import annotations

import pytest

from unmask.benchmarks.report import Row
from unmask.benchmarks.tables import MOST_COLUMNS, label_of, markdown_table, shown


def test_it_has_a_dash_for_nothing_and_keeps_its_columns() -> None:
    table = markdown_table([Row("a", {"x_ms": 1.23456}), Row("b|c", {"y": True})])
    assert table.splitlines() == ["| what | x, ms | y |", "|---|---:|---:|", "| a | 1.23 | - |", "| b/c | - | yes |"]


def test_one_that_is_too_wide_is_turned_round() -> None:
    wide = {f"k{number}": number for number in range(MOST_COLUMNS + 1)}
    lines = markdown_table([Row("a", wide), Row("b", wide)]).splitlines()
    assert lines[0] == "| what | a | b |"
    assert lines[-1] == "| k9 | 9 | 9 |"
    assert markdown_table([Row("a", dict(list(wide.items())[:3]))]).startswith("| what | k0 | k1 | k2 |")


def test_a_range_and_the_repeats_share_a_cell() -> None:
    values = {"r": 2.0, "r_low": 1.5, "r_high": 3.0, "repeats": 5, "spread": 0.42, "stable": False}
    head, _, line = markdown_table([Row("a", values)]).splitlines()
    assert head == "| what | r | repeats (spread) |"
    assert line == "| a | 2 (1.5 to 3) | 5 (42%), **not stable** |"


def test_what_cannot_run_is_a_list_below() -> None:
    table = markdown_table([Row("a", {"x": 1}), Row("b", {"why_not": "no card"})])
    assert table.splitlines()[-2:] == ["", "- b cannot run here: no card"]
    assert "why" not in table.splitlines()[0]
    assert markdown_table([]) == "Nothing was measured."


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("score_p99_ms", "score p99, ms"),
        ("total_s", "total, s"),
        ("crops_per_s", "crops per second"),
        ("cpu_ms_per_frame", "CPU-ms per frame"),
    ],
)
def test_a_number_has_its_unit(key: str, label: str) -> None:
    assert label_of(key) == label


def test_three_digits_are_shown_and_all_whole_ones() -> None:
    assert [shown(value) for value in (None, True, 0.12345, 1234.5, float("nan"), 7)] == [
        "-",
        "yes",
        "0.123",
        "1234",
        "-",
        "7",
    ]
