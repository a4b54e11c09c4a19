"""Files that are byte for byte the same, found before any work is done on them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from unmask.training.prepare.items import Skipped, SourceItem

_BLOCK = 1 << 20


def without_duplicates(items: Sequence[SourceItem]) -> tuple[list[SourceItem], list[Skipped]]:
    """The first of equal files stays; where one file is called both real and fake, none of them does.

    Only files of one size are read. Files that cannot be read stay: the worker says why.
    """
    dropped: dict[str, Skipped] = {}
    for same in _equal(item for item in items if item.kind != "frames"):
        first, *others = same
        if len({item.fake for item in same}) > 1:
            for item in same:
                other = next(one for one in same if one.fake != item.fake)
                detail = f"The same file is {other.label} as {other.source}."
                dropped[item.source] = Skipped(item.source, "contradiction", detail)
        else:
            for item in others:
                dropped[item.source] = Skipped(item.source, "duplicate", f"The same file as {first.source}.")
    return [item for item in items if item.source not in dropped], list(dropped.values())


def _equal(items: Iterable[SourceItem]) -> list[list[SourceItem]]:
    """Lists of two or more equal files, each in the order of ``items``."""
    by_size: dict[int, list[SourceItem]] = defaultdict(list)
    for item in items:
        if (size := file_size(item.path)) > 0:
            by_size[size].append(item)
    equal: list[list[SourceItem]] = []
    for candidates in by_size.values():
        if len(candidates) < 2:
            continue
        by_content: dict[str, list[SourceItem]] = defaultdict(list)
        for item in candidates:
            if (content := _checksum(item.path)) is not None:
                by_content[content].append(item)
        equal += [same for same in by_content.values() if len(same) > 1]
    return equal


def file_size(path: Path) -> int:
    """Bytes of a file; -1 where it cannot be told."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _checksum(path: Path) -> str | None:
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                total.update(block)
    except OSError:
        return None
    return total.hexdigest()
