"""The seam between a source of pictures and the capture thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from unmask.realtime.types import Frame


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says of itself once it is open.

    ``fps`` is the nominal rate (``None`` when the source cannot tell), ``duration_s`` the length
    of a finite source, ``frame_count`` an estimate of how many frames it holds.
    """

    source_id: str
    kind: str
    description: str
    live: bool
    width: int
    height: int
    fps: float | None = None
    duration_s: float | None = None
    frame_count: int | None = None


class FrameSource(Protocol):
    """Opens, reads, closes. Used by one thread, except ``close``, which any thread may call.

    A live source stamps a frame right after the grab and never keeps old ones: ``read`` gives the
    newest. A finite source gives every frame in order, with its presentation time.
    """

    @property
    def source_id(self) -> str:
        """What the person typed, short enough to print."""
        ...

    def open(self) -> SourceInfo:
        """Raise ``SourceError`` (one sentence, with the remedy) when it cannot be opened."""
        ...

    def read(self) -> Frame | None:
        """The next frame; ``None`` at the end of a finite source or after ``close``.

        Blocks until there is one. Raises ``SourceError``, whose ``retryable`` says whether
        opening again may help.
        """
        ...

    def close(self) -> None:
        """Free the device and make a blocked ``read`` return soon. Closing twice is harmless."""
        ...
