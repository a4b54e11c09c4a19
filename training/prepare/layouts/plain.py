"""Plain folders: anything below a folder called real or fake, at any depth, videos and pictures.

A folder called train, val or test between the root and the label prescribes the split; the first folder
below ``fake`` names the manipulation.
"""

from __future__ import annotations

from pathlib import Path

from unmask.engines.errors import UsageError
from unmask.training.prepare.items import SourceItem, Split, count_labels, media_files, media_kind
from unmask.training.prepare.layouts.base import LayoutOptions, Listing

REAL = frozenset({"real", "reals", "original", "originals", "pristine", "genuine"})
FAKE = frozenset({"fake", "fakes", "manipulated", "deepfake", "deepfakes", "swapped", "synthesis"})
_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


class PlainLayout:
    name = "plain"
    title = "plain folders"
    expects = "folders called real and fake, or any folder with --label real or --label fake"

    def find(self, root: Path) -> str | None:
        items = [item for path in media_files(root) if (item := _item(root, path, LayoutOptions()))]
        return f"{count_labels(items)} by the names of their folders" if items else None

    def list_items(self, root: Path, options: LayoutOptions) -> Listing:
        paths = list(media_files(root))
        items = tuple(item for path in paths if (item := _item(root, path, options)))
        if not items:
            raise UsageError(f"{root} holds no video or picture below a folder called real or fake; see --label.")
        notes = []
        if len(items) < len(paths):
            notes.append(f"{len(paths) - len(items)} files lie below neither real nor fake and are left out.")
        return Listing(items, (), tuple(notes))


def _item(root: Path, path: Path, options: LayoutOptions) -> SourceItem | None:
    relative = path.relative_to(root)
    folders = relative.parts[:-1]
    at = _label_at(folders)
    if options.label:
        fake = options.label == "fake"
        at = -1 if at is None else at
    elif at is not None:
        fake = folders[at].lower() in FAKE
    else:
        return None
    below = folders[at + 1 :]
    people: tuple[str, ...] = ()
    if options.parent_is_person and below:
        people = (below[-1],)
    methods = below[: len(below) - len(people)]
    manipulation = (methods[0] if methods else "unknown") if fake else ""
    prescribed: list[Split] = [_SPLITS[name.lower()] for name in folders[: at + 1] if name.lower() in _SPLITS]
    official = prescribed[0] if prescribed else None
    kind = media_kind(path.name)
    assert kind is not None
    return SourceItem(path, relative.as_posix(), kind, fake, "plain", manipulation, "", people, official)


def _label_at(folders: tuple[str, ...]) -> int | None:
    """The place of the nearest folder that names a label."""
    named = [index for index, name in enumerate(folders) if name.lower() in REAL | FAKE]
    return named[-1] if named else None
