"""The seam between the monitor and whatever finds faces."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

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


@runtime_checkable
class StatefulFinder(FaceFinder, Protocol):
    """A finder that learns from each picture how closely it must look at the next, and checks that now and then."""

    @property
    def check_due(self) -> bool:
        """Whether a check was put off: give it a picture by ``find`` soon."""
        ...

    def find_hurried(self, image: Image) -> list[FaceBox]:
        """As ``find``, for a picture whose faces somebody waits for: a check that can wait does, for a few such
        calls at most. A face that is lost is looked for at once.
        """
        ...

    def new_scene(self) -> None:
        """What was learnt holds no more: look closely at the next picture."""
        ...


class _Stateless:
    """A finder that treats all pictures alike, with nothing to put off and nothing to forget."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self.check_due = False
        self.find = self.find_hurried = finder.find
        self.close = finder.close

    @property
    def name(self) -> str:
        return self._finder.name

    @property
    def description(self) -> str:
        return self._finder.description

    def new_scene(self) -> None: ...


def stateful(finder: FaceFinder) -> StatefulFinder:
    """Any finder as one that can be hurried: itself where it can, else one that does the same at any time."""
    return finder if isinstance(finder, StatefulFinder) else _Stateless(finder)
