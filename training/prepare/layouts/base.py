"""The seam between a data set's folders and the preparation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from unmask.training.prepare.items import Skipped, SourceItem


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """What a person may say about a data set. ``splits``: a folder with train.json, val.json, test.json
    (FaceForensics++). ``label`` and ``parent_is_person`` are for plain folders: the label of all files,
    and whether the folder a file lies in names its person.
    """

    compression: str | None = None
    splits: Path | None = None
    label: Literal["real", "fake"] | None = None
    parent_is_person: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """All items of a data set in a fixed order, what is no item and why, and sentences for the report."""

    items: tuple[SourceItem, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


class Layout(Protocol):
    """One way in which a data set lies on a disk."""

    @property
    def name(self) -> str:
        """What ``--layout`` takes."""
        ...

    @property
    def title(self) -> str: ...

    @property
    def expects(self) -> str:
        """What must lie in the root, for an error."""
        ...

    def find(self, root: Path) -> str | None:
        """What of this layout lies in ``root``, for people; ``None`` where it is another one."""
        ...

    def list_items(self, root: Path, options: LayoutOptions) -> Listing:
        """Raises ``UnmaskError`` where the folders contradict the layout."""
        ...


def linked(items: Sequence[SourceItem]) -> tuple[SourceItem, ...]:
    """The items with the path of their original where the layouts noted its bare name."""
    originals = {Path(item.source).stem: item.source for item in items if not item.fake}
    return tuple(replace(item, original=originals.get(item.original, "")) for item in items)
