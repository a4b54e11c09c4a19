"""No person in two sets, whoever is joined to whom; and honest words where that cannot be."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.engines.errors import UsageError
from unmask.training.prepare.identities import group_of, people_of, read_people, with_people
from unmask.training.prepare.items import SourceItem, Split
from unmask.training.prepare.splits import Assignment, SplitSettings, assign_splits


def item(source: str, *people: str, fake: bool = False, official: Split | None = None) -> SourceItem:
    return SourceItem(Path(source), source, "video", fake, "set", people=people, official=official)


def pairs(count: int) -> list[SourceItem]:
    """Real 0..count-1 and, for each pair of neighbours, both swaps: as FaceForensics++ is built."""
    reals = [item(f"r{number}", f"{number:03d}") for number in range(count)]
    fakes = [
        item(f"f{one}{order}", f"{one + order:03d}", f"{one + 1 - order:03d}", fake=True)
        for one in range(0, count - 1, 2)
        for order in (0, 1)
    ]
    return [*reals, *fakes]


def sets_of_people(assignment: Assignment) -> dict[str, set[Split]]:
    where: dict[str, set[Split]] = defaultdict(set)
    for one in assignment.items:
        for person in people_of(one):
            where[person].add(assignment.split_of[one.source])
    return where


def test_a_swap_joins_its_two_people() -> None:
    items = [item("a", "000"), item("b", "003"), item("ab", "000", "003"), item("c", "004"), item("d")]
    groups = group_of(items)
    assert groups == {"a": "000", "b": "000", "ab": "000", "c": "004", "d": "file:d"}


@given(st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=3), min_size=1, max_size=12), st.randoms())
def test_groups_are_connected_components_in_any_order(people: list[list[int]], chance: object) -> None:
    items = [item(f"i{number}", *map(str, who)) for number, who in enumerate(people)]
    groups = group_of(items)
    for one in items:
        for other in items:
            if set(one.people) & set(other.people):
                assert groups[one.source] == groups[other.source]
    # Joined by nothing: taking any group away leaves its people nowhere else.
    for name in set(groups.values()):
        inside = {person for one in items if groups[one.source] == name for person in one.people}
        outside = {person for one in items if groups[one.source] != name for person in one.people}
        assert not inside & outside
    chance.shuffle(items)  # type: ignore[attr-defined]
    assert group_of(items) == groups


@pytest.mark.parametrize("seed", range(5))
def test_sets_have_both_labels_and_share_nobody(seed: int) -> None:
    assignment = assign_splits(pairs(100), SplitSettings(0.1, 0.2, seed))
    assert all(len(splits) == 1 for splits in sets_of_people(assignment).values())
    sizes = {split: sum(one == split for one in assignment.split_of.values()) for split in ("train", "val", "test")}
    assert sizes == {"train": 140, "val": 20, "test": 40}
    for split in sizes:
        assert {one.fake for one in assignment.items if assignment.split_of[one.source] == split} == {
            True,
            False,
        }


def test_the_seed_decides_and_the_order_does_not() -> None:
    items = pairs(40)
    one = assign_splits(items, SplitSettings(seed=1)).split_of
    assert assign_splits(items[::-1], SplitSettings(seed=1)).split_of == one
    assert assign_splits(items, SplitSettings(seed=2)).split_of != one


def test_official_sets_are_kept_and_their_overlap_is_told() -> None:
    items = [
        *pairs(40),
        item("t1", "000", official="test"),
        item("t2", "000", "900", fake=True, official="test"),
    ]
    assignment = assign_splits(items, SplitSettings(0.2, 0.1))
    assert assignment.split_of["t1"] == "test"
    assert sum(split == "test" for split in assignment.split_of.values()) == 2  # none is drawn beside it
    assert any("1 of 41 people are in more than one set" in note for note in assignment.notes)
    ignored = assign_splits(items, SplitSettings(0.2, 0.1, official=False))
    assert all(len(splits) == 1 for splits in sets_of_people(ignored).values())
    assert not ignored.notes


def chain(length: int) -> list[SourceItem]:
    """Everybody swapped with the next: one component."""
    reals = [item(f"r{number}", f"{number:03d}") for number in range(length)]
    return reals + [item(f"f{number}", f"{number:03d}", f"{number + 1:03d}", fake=True) for number in range(length - 1)]


def test_one_component_cannot_be_split_and_says_how_else() -> None:
    with pytest.raises(UsageError, match=r"val set would have no (real|fake) item.*--drop-crossing"):
        assign_splits(chain(30), SplitSettings())


def test_dropping_what_crosses_splits_a_component() -> None:
    items = chain(60)
    assignment = assign_splits(items, SplitSettings(0.25, 0.25, drop_crossing=True))
    assert all(len(splits) == 1 for splits in sets_of_people(assignment).values())
    assert {one.reason for one in assignment.skipped} == {"crosses"}
    assert len(assignment.items) + len(assignment.skipped) == len(items)
    assert all(one.source.startswith("f") for one in assignment.skipped)


def test_unknown_people_are_told() -> None:
    assignment = assign_splits([item(f"x{number}", fake=number % 2 == 0) for number in range(40)], SplitSettings())
    assert any("Nobody is known in 40 of 40 files" in note for note in assignment.notes)


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.1), (0.5, 0.5)])
def test_shares_must_leave_something(val: float, test: float) -> None:
    with pytest.raises(UsageError, match="--val and --test"):
        SplitSettings(val, test)


def test_a_table_of_people(tmp_path: Path) -> None:
    table = tmp_path / "who.csv"
    table.write_text("path,identity\nreal/a.mp4,ann\nfake/b.mp4,ann\nfake/b.mp4,bob\nreal/c.mp4,\n")
    items = [item("real/a.mp4"), item("fake/b.mp4"), item("real/c.mp4", "kept")]
    named = with_people(items, read_people(table, items))
    assert [one.people for one in named] == [("ann",), ("ann", "bob"), ("kept",)]
    table.write_text("path,identity\nother/a.mp4,ann\n")
    with pytest.raises(UsageError, match="No path of"):
        read_people(table, items)
    table.write_text("file,who\n")
    with pytest.raises(UsageError, match="columns path and identity"):
        read_people(table, items)
    with pytest.raises(UsageError, match="cannot be read"):
        read_people(tmp_path / "absent.csv", items)
