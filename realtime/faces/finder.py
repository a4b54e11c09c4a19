"""The seam between the monitor and whatever finds faces."""

from __future__ import annotations

from typing import Protocol

from unmask.realtime.types import FaceBox, Image


class FaceFinder(Protocol):
    """Finds the faces of one picture. Used from one thread at a time."""

    @property
    def name(self) -> str:
        """Short, such as ``scrfd`` or ``cascade``."""
        ...

    @property
    def description(self) -> str:
        """For people: the model, its file, its input size, and whether it is only the offline fallback."""
        ...

    def find(self, image: Image) -> list[FaceBox]:
        """Faces in BGR uint8 (H, W, 3), most confident first. Only reads ``image``."""
        ...

    def close(self) -> None: ...
