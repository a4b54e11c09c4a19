"""What a data set holds, one entry per video or picture, before anything of it is opened."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MediaKind = Literal["video", "image", "frames"]
Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp"})
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One labelled video ("video"), picture ("image") or folder of a video's pictures ("frames").

    ``source`` is the path below the data set's root, with slashes; ``original`` the ``source`` of the
    video that was manipulated, "" where unknown. ``people`` are the data set's own names of everybody
    whose face is in it, the one that is shown first; ``official`` the split the data set prescribes.
    """

    path: Path
    source: str
    kind: MediaKind
    fake: bool
    dataset: str
    manipulation: str = ""
    original: str = ""
    people: tuple[str, ...] = ()
    official: Split | None = None

    @property
    def label(self) -> str:
        return "fake" if self.fake else "real"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that gave no crop: its ``source``, a reason in one word, and a sentence."""

    source: str
    reason: str
    detail: str


def media_kind(name: str) -> MediaKind | None:
    """What a file is by its ending; ``None`` for neither video nor picture."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    return "image" if suffix in IMAGE_SUFFIXES else None


def media_files(folder: Path) -> Iterator[Path]:
    """Every video and picture below ``folder``, sorted, hidden ones left out; links are followed once."""
    entered: set[str] = set()
    for where, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(where, name)) not in entered
        )
        entered.update(os.path.realpath(os.path.join(where, name)) for name in folders)
        for name in sorted(files):
            if not name.startswith(".") and media_kind(name):
                yield Path(where, name)


def videos_in(folder: Path) -> Iterator[tuple[Path, MediaKind]]:
    """The videos directly in ``folder``, and its subfolders of pictures as videos of kind "frames"."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir() and any(media_kind(entry.name) == "image" for entry in path.iterdir()):
            yield path, "frames"
        elif media_kind(path.name) == "video":
            yield path, "video"


def item_keys(items: Sequence[SourceItem]) -> dict[str, str]:
    """``source`` -> a name for files that no other item has: letters, digits, ``-`` and ``_`` only.

    Where two paths would become one name, both get a part of their checksum.
    """
    plain = {item.source: _slug(item) for item in items}
    counts = Counter(name.casefold() for name in plain.values())
    return {
        source: name if counts[name.casefold()] == 1 else f"{name}-{hashlib.sha256(source.encode()).hexdigest()[:8]}"
        for source, name in plain.items()
    }


def _slug(item: SourceItem) -> str:
    stem = item.source if item.kind == "frames" else os.path.splitext(item.source)[0]
    # Names of files are at most 255 bytes long; the end of a path tells more than its beginning.
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[-160:] or "item"


def count_labels(items: Iterable[SourceItem]) -> str:
    """ "12 real, 30 fake": for people."""
    counts = Counter(item.label for item in items)
    return ", ".join(f"{counts[label]} {label}" for label in ("real", "fake"))
