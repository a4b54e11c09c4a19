"""FaceForensics++ (Rössler et al., 2019), with the Deep Fake Detection data that comes in the same tree.

``original_sequences/youtube/c23/videos/000.mp4``, ``manipulated_sequences/Deepfakes/c23/videos/000_003.mp4``:
the face of 003 in the video 000. The actors of Deep Fake Detection: ``01__scene.mp4`` and
``01_02__scene__ABCDEFGH.mp4``. ``images/`` instead of ``videos/`` holds a folder of frames per video.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unmask.engines.errors import UsageError
from unmask.training.data.dfdc import DataError
from unmask.training.prepare.items import SPLITS, MediaKind, Skipped, SourceItem, Split, videos_in
from unmask.training.prepare.layouts.base import LayoutOptions, Listing, linked

ORIGINALS, MANIPULATED = "original_sequences", "manipulated_sequences"
COMPRESSIONS = ("raw", "c0", "c23", "c40")

_REAL = re.compile(r"(?P<shown>\d{3})")
_FAKE = re.compile(r"(?P<shown>\d{3})_(?P<given>\d{3})")
_ACTOR_REAL = re.compile(r"(?P<shown>\d{2})__(?P<scene>.+)")
_ACTOR_FAKE = re.compile(r"(?P<shown>\d{2})_(?P<given>\d{2})__(?P<scene>.+)__[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class _Official:
    """The published splits: sequence -> split. Empty where there are none."""

    split_of: dict[str, Split] = field(default_factory=dict)

    def of(self, sequences: tuple[str, ...]) -> Split | None:
        splits: set[Split | None] = {self.split_of.get(sequence) for sequence in sequences}
        return splits.pop() if len(splits) == 1 else None


class FaceForensicsLayout:
    name = "faceforensics"
    title = "FaceForensics++"
    expects = f"{ORIGINALS}/ or {MANIPULATED}/ with folders such as Deepfakes/c23/videos"

    def find(self, root: Path) -> str | None:
        found = [f"{kind.name} ({', '.join(compressions)})" for kind, compressions in _sequences(root).items()]
        return ", ".join(found) or None

    def list_items(self, root: Path, options: LayoutOptions) -> Listing:
        compression = _compression(root, options.compression)
        official, person_of, notes = _official(root, options.splits), _people(root), []
        items: list[SourceItem] = []
        skipped: list[Skipped] = []
        for folder, compressions in _sequences(root).items():
            if compression not in compressions:
                notes.append(f"{folder.name} has no {compression} and is left out.")
                continue
            for path, kind in _media(folder / compression):
                item = _item(root, folder, path, kind, official, person_of)
                if item is None:
                    source = path.relative_to(root).as_posix()
                    skipped.append(Skipped(source, "name", "Its name does not tell who is in it."))
                else:
                    items.append(item)
        if not official.split_of:
            notes.append("No official splits (splits/train.json, val.json, test.json) lie there: people are drawn.")
        return Listing(linked(items), tuple(skipped), tuple(notes))


def _sequences(root: Path) -> dict[Path, list[str]]:
    """``original_sequences/youtube`` and so on -> the compressions that lie in it."""
    found = {}
    for part in (ORIGINALS, MANIPULATED):
        for folder in sorted((root / part).iterdir()) if (root / part).is_dir() else ():
            compressions = [name for name in COMPRESSIONS if (folder / name).is_dir()]
            if compressions:
                found[folder] = compressions
    return found


def _compression(root: Path, wanted: str | None) -> str:
    there = sorted({name for names in _sequences(root).values() for name in names}, key=COMPRESSIONS.index)
    if wanted is None:
        if len(there) > 1:
            raise UsageError(f"{root} holds the compressions {', '.join(there)}: choose one with --compression.")
        return there[0]
    if wanted not in there:
        raise UsageError(f"{root} has no {wanted}, only {', '.join(there)}: choose one with --compression.")
    return wanted


def _media(folder: Path) -> Iterator[tuple[Path, MediaKind]]:
    """Videos where there are some, else folders of frames: never the same sequence twice."""
    for part in ("videos", "images"):
        if (folder / part).is_dir():
            yield from videos_in(folder / part)
            return


def _item(
    root: Path, folder: Path, path: Path, kind: MediaKind, official: _Official, person_of: dict[str, str]
) -> SourceItem | None:
    fake = folder.parent.name == MANIPULATED
    stem = path.stem if kind == "video" else path.name
    ours = _FAKE if fake else _REAL
    actors = _ACTOR_FAKE if fake else _ACTOR_REAL
    match = ours.fullmatch(stem) or actors.fullmatch(stem)
    if match is None:
        return None
    parts = match.groupdict()
    sequences = tuple(parts[name] for name in ("shown", "given") if name in parts)
    acted = "scene" in parts
    people = tuple(f"actor-{one}" if acted else person_of.get(one, one) for one in sequences)
    shown = f"{parts['shown']}__{parts['scene']}" if acted else parts["shown"]
    return SourceItem(
        path,
        path.relative_to(root).as_posix(),
        kind,
        fake,
        "faceforensics",
        folder.name if fake else "",
        shown if fake else "",
        people,
        None if acted else official.of(sequences),
    )


def _official(root: Path, given: Path | None) -> _Official:
    """The three published files: lists of pairs, each pair swapped both ways."""
    folders = [given] if given else [root / "splits", root]
    folder = next((one for one in folders if (one / "train.json").is_file()), None)
    if folder is None:
        if given:
            raise UsageError(f"There is no train.json in {given}: give the folder with the official splits.")
        return _Official()
    split_of: dict[str, Split] = {}
    for split in SPLITS:
        path = folder / f"{split}.json"
        try:
            pairs = json.loads(path.read_text(encoding="utf-8"))
            split_of |= {str(sequence): split for pair in pairs for sequence in pair}
        except (OSError, ValueError, TypeError, RecursionError):
            raise DataError(f"{path} is no list of pairs: get the official splits again, all three files.") from None
    return _Official(split_of)


def _people(root: Path) -> dict[str, str]:
    """Sequence -> its YouTube video, where ``conversion_dict.json`` lies there: 23 of them share one."""
    path = next(
        (one for one in (root / "conversion_dict.json", root / "splits" / "conversion_dict.json") if one.is_file()),
        None,
    )
    if path is None:
        return {}
    try:
        return {str(key): f"youtube-{value.rsplit(' ', 1)[0]}" for key, value in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        raise DataError(f"{path} does not map sequences to videos: get it again or remove it.") from None
