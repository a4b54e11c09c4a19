"""Who belongs together: groups of items joined by the people they share."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from unmask.engines.errors import UsageError
from unmask.training.prepare.items import SourceItem


def people_of(item: SourceItem) -> tuple[str, ...]:
    """Everybody in ``item``; where nobody is known, the item stands for a person of its own."""
    return item.people or (f"file:{item.source}",)


def group_of(items: Iterable[SourceItem]) -> dict[str, str]:
    """``source`` -> its identity group: items that share a person, directly or through others, share it.

    A video in which the face of 003 was put into 000 joins 000, 003 and all that they are in. The group
    is named after the first of its people, so it does not depend on the order of ``items``.
    """
    items = list(items)
    leader: dict[str, str] = {}

    def find(person: str) -> str:
        leader.setdefault(person, person)
        while leader[person] != person:
            leader[person] = leader[leader[person]]
            person = leader[person]
        return person

    for item in items:
        first, *others = map(find, people_of(item))
        for other in others:
            # The smaller name leads: the result is the same in whatever order they come.
            first, other = sorted((find(first), find(other)))
            leader[other] = first
    return {item.source: find(people_of(item)[0]) for item in items}


def with_people(items: Sequence[SourceItem], known: Mapping[str, tuple[str, ...]]) -> list[SourceItem]:
    """``items`` with the people that a person's own table knows; the others keep theirs."""
    return [replace(item, people=known.get(item.source, item.people)) for item in items]


def read_people(path: Path, items: Iterable[SourceItem]) -> dict[str, tuple[str, ...]]:
    """A table ``path,identity``: paths below the data set's root; several rows for several people in one file.

    Raises ``UsageError`` for a missing column, and where no path of the table is one of the data set's.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"path", "identity"} <= set(reader.fieldnames or ()):
                raise UsageError(f"{path} needs the columns path and identity in its first line.")
            known: dict[str, tuple[str, ...]] = {}
            for row in reader:
                source = (row["path"] or "").replace("\\", "/").removeprefix("./")
                if row["identity"]:
                    known[source] = (*known.get(source, ()), row["identity"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a CSV file ({error}): give --identities FILE.csv.") from None
    if not any(item.source in known for item in items):
        raise UsageError(f"No path of {path} is in the data set: paths must start at its folder, as in real/a.mp4.")
    return known
