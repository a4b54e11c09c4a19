"""Celeb-DF v1 and v2 (Li et al., 2020).

``Celeb-real/id0_0000.mp4``, ``Celeb-synthesis/id0_id1_0000.mp4`` (the face of id1 in id0_0000),
``YouTube-real/00000.mp4``, and ``List_of_testing_videos.txt`` with lines such as ``1 YouTube-real/00170.mp4``,
where 1 means real.
"""

from __future__ import annotations

import re
from pathlib import Path

from unmask.training.data.dfdc import DataError
from unmask.training.prepare.items import Skipped, SourceItem, media_files, media_kind
from unmask.training.prepare.layouts.base import LayoutOptions, Listing, linked

FOLDERS = ("celeb-real", "celeb-synthesis", "youtube-real")
TEST_LIST = "List_of_testing_videos.txt"

_NAMES = {
    "celeb-real": re.compile(r"(?P<shown>id\d+)_(?P<number>\d{4})"),
    "celeb-synthesis": re.compile(r"(?P<shown>id\d+)_(?P<given>id\d+)_(?P<number>\d{4})"),
    "youtube-real": re.compile(r"(?P<shown>\d{5})"),
}


class CelebDfLayout:
    name = "celeb-df"
    title = "Celeb-DF"
    expects = "Celeb-real/, Celeb-synthesis/ and YouTube-real/"

    def find(self, root: Path) -> str | None:
        folders = _folders(root)
        if "celeb-real" not in folders and "celeb-synthesis" not in folders:
            return None
        tested = f", {TEST_LIST}" if (root / TEST_LIST).is_file() else ""
        return ", ".join(folder.name for folder in folders.values()) + tested

    def list_items(self, root: Path, options: LayoutOptions) -> Listing:
        tested = _test_list(root)
        items: list[SourceItem] = []
        skipped: list[Skipped] = []
        for kind, folder in _folders(root).items():
            for path in media_files(folder):
                source = path.relative_to(root).as_posix()
                match = _NAMES[kind].fullmatch(path.stem)
                if match is None or media_kind(path.name) != "video":
                    skipped.append(Skipped(source, "name", "Its name does not tell who is in it."))
                    continue
                items.append(_item(path, source, kind, match.groupdict(), tested))
        notes = []
        if not tested:
            notes.append(f"{TEST_LIST} does not lie there: people are drawn for the test set.")
        return Listing(linked(items), tuple(skipped), tuple(notes))


def _folders(root: Path) -> dict[str, Path]:
    """The data set's folders by lower-case name: copies write YouTube-real in several ways."""
    there = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    return {name: there[name] for name in FOLDERS if name in there}


def _item(path: Path, source: str, kind: str, parts: dict[str, str], tested: dict[str, bool]) -> SourceItem:
    fake = kind == "celeb-synthesis"
    listed = f"{kind}/{path.name.lower()}"
    if tested.get(listed, fake) != fake:
        raise DataError(f"{TEST_LIST} gives {source} another label than its folder: get the data set again.")
    prefix = "youtube-" if kind == "youtube-real" else ""
    people = tuple(prefix + parts[name] for name in ("shown", "given") if name in parts)
    original = f"{parts['shown']}_{parts['number']}" if fake else ""
    manipulation = "Celeb-synthesis" if fake else ""
    official = "test" if listed in tested else None
    return SourceItem(path, source, "video", fake, "celeb-df", manipulation, original, people, official)


def _test_list(root: Path) -> dict[str, bool]:
    """``celeb-real/id0_0000.mp4`` (lower case) -> whether it is a fake."""
    path = root / TEST_LIST
    if not path.is_file():
        return {}
    tested = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        real, _, name = line.strip().partition(" ")
        parts = name.strip().lower().split("/")
        if real not in ("0", "1") or len(parts) < 2:
            raise DataError(f"{path} has the line {line!r}, not '1 FOLDER/NAME.mp4': get the list again.")
        tested[f"{parts[0]}/{parts[-1]}"] = real == "0"
    return tested
