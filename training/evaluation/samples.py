"""Labelled data to evaluate on: prepared face crops with an index, or folders of recordings and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from unmask.realtime.types import Image
from unmask.training.data.dfdc import DataError, read_pictures
from unmask.training.prepare.identities import group_of, read_people, with_people
from unmask.training.prepare.index import PreparedCrop, read_prepared
from unmask.training.prepare.items import SourceItem
from unmask.training.prepare.layouts.base import LayoutOptions
from unmask.training.prepare.layouts.registry import find_layout


@dataclass(frozen=True, slots=True)
class CropSet:
    """The crops of one split of an index, those of one video together and in the order of time."""

    name: str
    folder: Path
    split: str
    rows: tuple[PreparedCrop, ...]

    def pictures(self, rows: Collection[PreparedCrop]) -> Iterator[tuple[PreparedCrop, Image]]:
        """``(row, BGR uint8 (H, W, 3))`` in the order of the tars. Raises ``DataError`` where one is missing."""
        wanted = {row.record.key: row for row in rows}
        for key, picture in read_pictures(self.folder, list(wanted)):
            if key in wanted:
                yield wanted.pop(key), picture
        if wanted:
            raise DataError(
                f"{len(wanted)} crops of {self.folder}/index.csv are in none of its tars, {next(iter(wanted))!r} "
                "first: fetch or prepare the data again."
            )


@dataclass(frozen=True, slots=True)
class MediaItem:
    """One recording or picture and the ``group`` (person, or the file itself) that it is drawn with."""

    source: SourceItem
    group: str

    @property
    def name(self) -> str:
        return self.source.source

    @property
    def fake(self) -> bool:
        return self.source.fake

    @property
    def still(self) -> bool:
        return self.source.kind == "image"


@dataclass(frozen=True, slots=True)
class MediaSet:
    """Recordings and pictures in one of the layouts that ``unmask train prepare`` knows."""

    name: str
    split: str
    items: tuple[MediaItem, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DataOptions:
    """``split`` to evaluate on; ``layout`` of folders (``None``: found out); ``people`` a table path,identity."""

    split: str = "val"
    layout: str | None = None
    compression: str | None = None
    people: Path | None = None


def open_data(folder: Path, options: DataOptions) -> CropSet | MediaSet:
    """The data in ``folder``: an ``index.csv`` with tars of crops, or the folders of a known layout.

    Raises ``UnmaskError``, one sentence, for anything else and for a split that holds nothing.
    """
    name = folder.resolve().name
    if (folder / "index.csv").is_file():
        return CropSet(name, folder, options.split, _crop_rows(folder, options.split))
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: give one with an index.csv, or with recordings.")
    found = find_layout(folder, options.layout)
    listing = found.layout.list_items(folder, LayoutOptions(compression=options.compression))
    items: Sequence[SourceItem] = listing.items
    if options.people is not None:
        items = with_people(items, read_people(options.people, items))
    groups = group_of(items)
    prescribed = any(item.official for item in items)
    chosen = [item for item in items if not prescribed or item.official == options.split]
    if not chosen:
        raise DataError(f"{folder} has nothing in its split {options.split!r}: choose another with --split.")
    notes = [*listing.notes, *(f"{item.source} is left out: {item.detail}" for item in listing.skipped)]
    if not any(item.people for item in items):
        notes.append("Nobody's identity is known: every file is its own group, which makes intervals too narrow.")
    media = tuple(MediaItem(item, groups[item.source]) for item in chosen)
    return MediaSet(name, options.split if prescribed else "", media, tuple(notes))


def _crop_rows(folder: Path, split: str) -> tuple[PreparedCrop, ...]:
    everything = read_prepared(folder)
    if len({row.record.key for row in everything}) != len(everything):
        raise DataError(f"{folder}/index.csv names a key twice: every crop needs a key of its own.")
    rows = [row for row in everything if row.record.split == split]
    if not rows:
        known = ", ".join(sorted({row.record.split for row in everything})) or "none"
        raise DataError(f"{folder}/index.csv has no crop of the split {split!r}: choose one of {known}.")
    return tuple(sorted(rows, key=in_time))


def in_time(row: PreparedCrop) -> tuple[str, float, str]:
    """Sorts crops by video, and within one by time."""
    return row.video, row.time_s, row.record.key


_Row = TypeVar("_Row", PreparedCrop, MediaItem)


def some_videos(rows: tuple[_Row, ...], most: int | None, seed: int) -> tuple[_Row, ...]:
    """At most ``most`` of ``rows``, in their order: whole videos, drawn at random by ``seed`` alone.

    Drawn by video and not by person, so that as many people as can be stand behind an interval. A video
    that would overshoot is passed over; the first one drawn is always taken.
    """
    if most is None or len(rows) <= most:
        return rows
    sizes = Counter(_video_of(row) for row in rows)
    names = sorted(sizes)
    kept: set[str] = set()
    count = 0
    for position in np.random.default_rng(seed).permutation(len(names)):
        name = names[int(position)]
        if not kept or count + sizes[name] <= most:
            kept.add(name)
            count += sizes[name]
    return tuple(row for row in rows if _video_of(row) in kept)


def _video_of(row: PreparedCrop | MediaItem) -> str:
    return row.name if isinstance(row, MediaItem) else row.video
