"""UADFV (Yang, Li and Lyu, 2019): ``real/0000.mp4`` and ``fake/0000_fake.mp4``, made from it; 49 of each.

All its fakes carry one and the same celebrity's face, who is in no real video: a detector may learn him.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from unmask.training.prepare.items import MediaKind, Skipped, SourceItem, videos_in
from unmask.training.prepare.layouts.base import LayoutOptions, Listing, linked

_NAMES = {"real": re.compile(r"(\d{4})"), "fake": re.compile(r"(\d{4})_fake")}


class UadfvLayout:
    name = "uadfv"
    title = "UADFV"
    expects = "real/0000.mp4 and fake/0000_fake.mp4"

    def find(self, root: Path) -> str | None:
        if not all(any(_matching(root, label)) for label in _NAMES):
            return None
        return "real/ and fake/ with names such as 0000.mp4 and 0000_fake.mp4"

    def list_items(self, root: Path, options: LayoutOptions) -> Listing:
        items: list[SourceItem] = []
        skipped: list[Skipped] = []
        for label, pattern in _NAMES.items():
            for path, kind in _media(root, label):
                source = path.relative_to(root).as_posix()
                match = pattern.fullmatch(_stem(path, kind))
                if match is None:
                    skipped.append(Skipped(source, "name", "Its name does not tell who is in it."))
                    continue
                fake, number = label == "fake", match.group(1)
                manipulation, original = ("UADFV", number) if fake else ("", "")
                people = (f"uadfv-{number}",)
                items.append(SourceItem(path, source, kind, fake, "uadfv", manipulation, original, people))
        note = "All fakes of UADFV carry one celebrity's face, so splits keep the target apart, not the face given."
        return Listing(linked(items), tuple(skipped), (note,))


def _media(root: Path, label: str) -> Iterator[tuple[Path, MediaKind]]:
    """The videos of real/ or fake/; where there are none, the folders of frames in frames/."""
    folder = root / label
    if not folder.is_dir():
        return
    found: list[tuple[Path, MediaKind]] = [(path, kind) for path, kind in videos_in(folder) if kind == "video"]
    if not found and (folder / "frames").is_dir():
        found = list(videos_in(folder / "frames"))
    yield from found


def _matching(root: Path, label: str) -> Iterator[Path]:
    return (path for path, kind in _media(root, label) if _NAMES[label].fullmatch(_stem(path, kind)))


def _stem(path: Path, kind: MediaKind) -> str:
    return path.stem if kind == "video" else path.name
