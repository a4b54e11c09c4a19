"""One unit of work: a video, or a handful of pictures, from file to crops in the ledger."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.engines.errors import SourceError, UnmaskError
from unmask.training.prepare.cutting import COUNTS, Cuts, CutSettings, clip_array, cut_media
from unmask.training.prepare.items import SourceItem
from unmask.training.prepare.ledger import CLIPS, Ledger, write_whole
from unmask.training.prepare.media import Parts

#: Pictures are so quick that a record for each would be most of the work.
PICTURES_PER_UNIT = 64


@dataclass(frozen=True, slots=True)
class Unit:
    """``number`` is its place in the output; ``entries`` are items with their keys."""

    number: int
    entries: tuple[tuple[SourceItem, str], ...]


class UnitWorker:
    """Holds a face finder and works through units. One per process.

    Raises ``UnmaskError`` where ``parts`` give another finder than ``finder`` describes: crops of two finders
    must not be mixed.
    """

    def __init__(self, parts: Parts, settings: CutSettings, folder: Path, finder: str) -> None:
        self._parts = parts
        self._settings = settings
        self._ledger = Ledger(folder)
        self._finder = parts.make_finder()
        if self._finder.description != finder:
            self.close()
            raise UnmaskError(f"A worker finds faces with {self._finder.description}, not with {finder}.")

    def process(self, unit: Unit, between: Callable[[], None]) -> list[dict[str, Any]]:
        """Cut all items of ``unit`` and put them into the ledger; a result for each."""
        results: list[dict[str, Any]] = []
        crops: list[tuple[str, bytes]] = []
        for item, key in unit.entries:
            result, cuts = self._process_item(item, key, between)
            crops += [(cut.name, cut.data) for cut in cuts.cuts]
            results.append(result)
        self._ledger.write(unit.number, results, crops)
        return results

    def close(self) -> None:
        self._finder.close()

    def _process_item(self, item: SourceItem, key: str, between: Callable[[], None]) -> tuple[dict[str, Any], Cuts]:
        try:
            media = self._parts.open_media(item.path, item.kind)
        except (SourceError, OSError) as error:
            return skipped_result(item, "unreadable", str(error)), Cuts()
        try:
            cuts = cut_media(item, key, media, self._finder, self._settings, between)
        finally:
            media.close()
        if not cuts.cuts:
            return skipped_result(item, *_why_nothing(cuts, self._settings), cuts.counts), cuts
        result = skipped_result(item, "", "", cuts.counts)
        result["broken"] = cuts.broken
        result["rows"] = [cut.row | {"file": cut.name} for cut in cuts.cuts]
        result["clip"] = item.kind != "image" and self._write_clip(item, key, cuts)
        return result, cuts

    def _write_clip(self, item: SourceItem, key: str, cuts: Cuts) -> bool:
        """Whether the array form was written: asked for, and enough frames show a face."""
        clips = self._settings.clips
        array = clip_array(cuts.clip, clips) if clips else None
        if clips is None or array is None:
            return False
        times = clip_array_times(cuts.clip_times, clips.frames)
        buffer = io.BytesIO()
        np.savez(buffer, frames=array, label=np.int64(item.fake), times_s=np.array(times, np.float32))
        write_whole(self._ledger.folder / CLIPS / f"{key}.npz", buffer.getvalue())
        return True


def clip_array_times(times: list[float], frames: int) -> list[float]:
    return [times[int((place + 0.5) * len(times) / frames)] for place in range(frames)]


def skipped_result(item: SourceItem, reason: str, detail: str, counts: dict[str, int] | None = None) -> dict[str, Any]:
    """A record without crops. ``reason`` is "" for one that is filled in later."""
    return {
        "source": item.source,
        "reason": reason,
        "detail": detail,
        "counts": counts or dict.fromkeys(COUNTS, 0),
        "broken": "",
        "rows": [],
        "clip": False,
    }


def _why_nothing(cuts: Cuts, settings: CutSettings) -> tuple[str, str]:
    counts = cuts.counts
    if cuts.broken:
        return "unreadable", cuts.broken
    if not counts["frames"]:
        return "unreadable", "No frame of it can be decoded."
    if counts["too_small"]:
        return "too_small", f"No face in {counts['frames']} frames is {settings.min_face:g} px or larger."
    return "no_face", f"No face in {counts['frames']} frames."
