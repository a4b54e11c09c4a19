"""What a person gave to scan, as single items: files, the contents of folders and archives, addresses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.errors import SourceError, UnmaskError
from unmask.realtime.sources.addresses import redacted
from unmask.realtime.sources.archive import list_members, open_member
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


def _expand_one(text: str, options: SourceOptions, sequence: bool) -> Iterator[ScanItem] | list[ScanItem]:
    if "://" in text or text.startswith("page:"):
        return [ScanItem(redacted(text), "address", functools.partial(make_source, text, options))]
    path = Path(text)
    try:
        path.stat()
    except (OSError, ValueError) as error:  # also what is too long for a name, or holds a null byte
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"is no path that can be read ({error})"
        remedy = "check the path, or give an address with its scheme (https://...)"
        raise SourceError(f"{text} {why}; {remedy}.") from None
    if path.is_dir():
        return list(_folder_items(path, options, sequence))
    if path.suffix.lower() in ARCHIVE_SUFFIXES and path.is_file():
        if sequence:
            return [ScanItem(text, "frames", functools.partial(make_source, text, options))]
        return [
            ScanItem(f"{text}/{member.name}", member.kind, functools.partial(open_member, path, member))
            for member in list_members(path)
        ]
    return [_file_item(path)]


def _folder_items(folder: Path, options: SourceOptions, sequence: bool) -> Iterator[ScanItem]:
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")),
        key=lambda path: natural_key(str(path)),
    )
    found = False
    for place in sorted({path.parent for path in files}) if sequence else []:
        if any(is_image(path.name) for path in files if path.parent == place):
            found = True
            make = functools.partial(FolderSource, str(place), place, fps=options.fps)
            yield ScanItem(str(place), "frames", make)
    for path in files:
        if path.suffix.lower() in VIDEO_SUFFIXES or (is_image(path.name) and not sequence):
            found = True
            yield _file_item(path)
    if not found:
        raise SourceError(f"{folder} holds no pictures or videos; give a folder that does.")


def _file_item(path: Path) -> ScanItem:
    # A file that is named is looked at whatever its ending: only its content tells.
    if is_image(path.name):
        return ScanItem(str(path), "image", functools.partial(ImageSource, str(path), path))
    return ScanItem(str(path), "video", functools.partial(VideoFileSource, path))
