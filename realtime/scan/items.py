"""What a person gave to scan, as single items: files, the contents of folders and archives, addresses."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.errors import SourceError, UnmaskError
from unmask.engines.plain_text import plain
from unmask.realtime.sources.addresses import redacted
from unmask.realtime.sources.archive import open_member, share_members
from unmask.realtime.sources.archive_members import SUFFIXES as ARCHIVE_SUFFIXES
from unmask.realtime.sources.archive_members import VIDEO_SUFFIXES
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.sources.images import FolderSource, ImageSource, is_image, natural_key
from unmask.realtime.sources.registry import SourceOptions, make_source
from unmask.realtime.sources.video_file import VideoFileSource


@dataclass(frozen=True, slots=True)
class ScanItem:
    """One thing to look at. ``make`` gives a fresh, unopened source; ``error`` says why there is none."""

    path: str
    kind: str
    make: Callable[[], FrameSource] | None
    error: str = ""


def expand(given: Iterable[str], options: SourceOptions, *, sequence: bool = False) -> list[ScanItem]:
    """One item per video and picture in ``given``: paths, folders (searched to any depth), zips, addresses.

    With ``sequence`` the pictures of a folder or a zip are the frames of one video. What cannot be
    read becomes an item with its error: one bad file spoils nothing else.
    """
    items: list[ScanItem] = []
    for text in given:
        try:
            items += _expand_one(text, options, sequence)
        except UnmaskError as error:
            items.append(ScanItem(text, "unknown", None, str(error)))
    return items


def _expand_one(text: str, options: SourceOptions, sequence: bool) -> list[ScanItem]:
    if "://" in text or text.startswith("page:"):
        return [ScanItem(redacted(text), "address", functools.partial(make_source, text, options))]
    path = Path(text)
    try:
        path.stat()
    except (OSError, ValueError) as error:  # also what is too long for a name, or holds a null byte
        said = error.strerror if isinstance(error, OSError) else str(error)
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"is no path that can be read ({said})"
        remedy = "check the path, or give an address with its scheme (https://...)"
        raise SourceError(f"{plain(text)} {why}; {remedy}.") from None
    if path.is_dir():
        return _folder_items(path, options, sequence)
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        if sequence:
            return [ScanItem(text, "frames", functools.partial(make_source, text, options))]
        shared, members = share_members(path)
        return [
            ScanItem(f"{text}/{member.name}", member.kind, functools.partial(open_member, path, member, shared=shared))
            for member in members
        ]
    return [_file_item(path)]


def _folder_items(folder: Path, options: SourceOptions, sequence: bool) -> list[ScanItem]:
    files, items = _files_below(folder)
    if sequence:
        for place in sorted({path.parent for path in files if is_image(path.name)}):
            make = functools.partial(FolderSource, str(place), place, fps=options.fps)
            items.append(ScanItem(str(place), "frames", make))
    items += [
        _file_item(path)
        for path in files
        if path.suffix.lower() in VIDEO_SUFFIXES or (is_image(path.name) and not sequence)
    ]
    if not items:
        raise SourceError(f"{plain(str(folder))} holds no pictures or videos; give a folder that does.")
    return items


def _files_below(folder: Path) -> tuple[list[Path], list[ScanItem]]:
    """Everything in ``folder`` that is no folder, in natural order, and an item for each folder that nobody may look
    into. Links to folders are not followed: they may lead round in a circle."""
    files: list[Path] = []
    closed: list[ScanItem] = []
    waiting = [folder]
    while waiting:  # os.walk calls itself, and a tree may be deeper than Python's stack
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(place / entry.name)
                    elif not entry.name.startswith(".") and not os.path.isdir(entry.path):
                        files.append(place / entry.name)
        except OSError as error:
            why = f"{plain(str(place))} cannot be listed ({error.strerror}); check its permissions."
            closed.append(ScanItem(str(place), "folder", None, why))
    return sorted(files, key=lambda path: natural_key(str(path))), closed


def _file_item(path: Path) -> ScanItem:
    # A file that is named is looked at whatever its ending: only its content tells.
    if is_image(path.name):
        return ScanItem(str(path), "image", functools.partial(ImageSource, str(path), path))
    return ScanItem(str(path), "video", functools.partial(VideoFileSource, path))
