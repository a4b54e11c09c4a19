"""The seam to whoever decodes: the commands hand in a reader and a face finder, built anew in each process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import Image
from unmask.training.prepare.items import MediaKind


class Media(Protocol):
    """An opened video, picture or folder of frames."""

    @property
    def duration_s(self) -> float:
        """0 for a single picture."""
        ...

    @property
    def damaged(self) -> int:
        """Frames left out so far because they were damaged."""
        ...

    def frames_at(self, times_s: Sequence[float]) -> Iterator[tuple[float, Image]]:
        """``(time in seconds, BGR uint8)`` of the frames shown at rising moments; none of them twice.

        Raises ``SourceError`` where the file breaks off before a moment.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker builds for itself. Both must be picklable: top-level functions, or ``partial`` of them."""

    open_media: Callable[[Path, MediaKind], Media]
    make_finder: Callable[[], FaceFinder]


def even_moments(duration_s: float, count: int) -> list[float]:
    """The middles of ``count`` equal parts: frames from all of a video, and neither its first nor its last."""
    return [(place + 0.5) * duration_s / count for place in range(count)]
