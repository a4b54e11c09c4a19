"""The Deepfake Detection Challenge (Dolhansky et al., 2020).

``dfdc_train_part_N/`` (some copies nest it once more) holds videos and a ``metadata.json``:
``{"a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"}}``. It names no people: all that was
made from one original is one group here. One actor has several originals, so such groups keep videos
apart, not people.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from unmask.training.data.dfdc import DataError
from unmask.training.prepare.items import Skipped, SourceItem, Split
from unmask.training.prepare.layouts.base import LayoutOptions, Listing, linked

METADATA = "metadata.json"
_DEPTHS = (METADATA, f"*/{METADATA}", f"*/*/{METADATA}")
# "train" is what every training video says: no split, only where the file came from.
_SPLITS: dict[str, Split] = {"validation": "val", "val": "val", "test": "test"}


class DfdcLayout:
    name = "dfdc"
    title = "DFDC"
    expects = f"dfdc_train_part_N/ with {METADATA}"

    def find(self, root: Path) -> str | None:
        tables = _tables(root)
        if not tables:
            return None
        return f"{len(tables)} {METADATA}: {', '.join(_name(path, root) for path in tables[:3])}" + (
            ", ..." if len(tables) > 3 else ""
        )

    def list_items(self, root: Path, options: LayoutOptions) -> Listing:
        items: list[SourceItem] = []
        skipped: list[Skipped] = []
        for table in _tables(root):
            for name, entry in sorted(_read(table).items()):
                if Path(name).name != name:
                    skipped.append(Skipped(name, "name", f"{METADATA} names a file that does not lie beside it."))
                    continue
                path = table.parent / name
                source = path.relative_to(root).as_posix()
                if not os.path.isfile(path):
                    skipped.append(Skipped(source, "missing", f"{METADATA} names it, but it is not there."))
                    continue
                items.append(_item(path, source, entry, table))
        note = (
            "DFDC names no people: crops of one original are one group, and an actor may be in several groups; "
            "give --identities FILE.csv if you know better."
        )
        return Listing(linked(items), tuple(skipped), (note,))


def _tables(root: Path) -> list[Path]:
    return [path for depth in _DEPTHS for path in sorted(root.glob(depth)) if _is_table(path)]


def _is_table(path: Path) -> bool:
    """Whether it begins as DFDC's: other programs call their files metadata.json too."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    first = next(iter(table.values()), None) if isinstance(table, dict) else None
    return isinstance(first, dict) and "label" in first


def _read(path: Path) -> dict[str, dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))


def _name(table: Path, root: Path) -> str:
    return table.parent.relative_to(root).as_posix()


def _item(path: Path, source: str, entry: dict[str, Any], table: Path) -> SourceItem:
    label = entry.get("label") if isinstance(entry, dict) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if label not in ("REAL", "FAKE"):
        raise DataError(f"{table} labels {path.name} as {label!r}, not REAL or FAKE: get it again.")
    fake = label == "FAKE"
    original = Path(str(entry.get("original") or "")).stem if fake else ""
    group = f"dfdc-{original or path.stem}"
    official = _SPLITS.get(str(entry.get("split", "")).lower())
    manipulation = "DFDC" if fake else ""
    return SourceItem(path, source, "video", fake, "dfdc", manipulation, original, (group,), official)
