"""Which input sizes to look with: the smallest that still finds every face, checked again and again."""

from __future__ import annotations

from collections.abc import Callable

from unmask.realtime.types import FaceBox, Image

Look = Callable[[Image, int], list[FaceBox]]

CLOSE = 320
WIDE = 640

_SAME_FACE = 0.5
# A size is trusted alone only where each face stands this far above the detector's threshold,
# else the face would flicker between the refreshes.
_CLEARANCE = 0.1
# Below this many pixels of the network's input the landmarks of the small look wander
# (benchmarks/face_finders.py prints the disagreement), and with them an aligned crop.
_SHARP_AT = 40.0
# Where both looks see a face the wide one places it better, unless it hardly recognises it:
# that happens with faces that fill the picture.
_MUCH_SURER = 0.2
# So many hurried calls at most put a refresh off: a source whose every frame is waited for gets it as well.
_PATIENCE = 2


class TwoScales:
    """Looks with 640 and 320 px of input, and with only one of them while that one suffices.

    SCRFD-500M at 640 misses faces that fill the picture; at 320 it finds them, for a quarter of the
    work, and misses small ones. So: the first call, every ``refresh_every``-th call, a call that
    found fewer faces than the last one, and every call while nothing is found look with both. In
    between, the cheaper size that alone saw every face clearly is used; if there is none, both.
    A new face that only the other size can see is found ``refresh_every`` calls late at most;
    1 looks with both each time. A hurried call leaves the refresh to the next call that is not, or to the
    third in a row. ``looks`` counts the looks by size.
    """

    def __init__(self, look: Look, *, min_confidence: float, refresh_every: int = 5) -> None:
        self._look = look
        self._clear = min_confidence + _CLEARANCE
        self._refresh_every = refresh_every
        self._patience = min(_PATIENCE, refresh_every - 1)
        self._alone: int | None = None
        self._expected = 0
        self._calls = 0
        self._shape: tuple[int, ...] = ()
        self.looks = {CLOSE: 0, WIDE: 0}

    @property
    def check_due(self) -> bool:
        """Whether a hurried call left a refresh to one that is not."""
        return self._alone is not None and self._calls >= self._refresh_every

    def new_scene(self) -> None:
        """Nothing is known of the next picture: both sizes are tried."""
        self._alone = None

    def find(self, image: Image, *, hurried: bool = False) -> list[FaceBox]:
        """Faces of ``image``, most confident first. ``hurried``: somebody waits for them."""
        self._calls += 1
        refresh_at = self._refresh_every + (self._patience if hurried else 0)
        if self._alone is None or self._calls >= refresh_at or image.shape != self._shape:
            return self._with_both(image, {})
        faces = self._count_and_look(image, self._alone)
        if len(faces) < self._expected:
            return self._with_both(image, {self._alone: faces})
        self._expected = len(faces)
        return faces

    def _count_and_look(self, image: Image, size: int) -> list[FaceBox]:
        self.looks[size] += 1
        return self._look(image, size)

    def _with_both(self, image: Image, done: dict[int, list[FaceBox]]) -> list[FaceBox]:
        seen = {size: done[size] if size in done else self._count_and_look(image, size) for size in (CLOSE, WIDE)}
        merged = merge_looks(seen[CLOSE], seen[WIDE])
        self._calls = 0
        self._shape = image.shape
        self._alone = self._sufficient(image, seen, merged)
        if self._alone is not None:
            merged = seen[self._alone]  # the same size as the calls to come, or each refresh would jolt
        self._expected = len(merged)
        return merged

    def _sufficient(self, image: Image, seen: dict[int, list[FaceBox]], merged: list[FaceBox]) -> int | None:
        """The cheaper size that found every face clearly, ``None`` without one or without a face."""
        if not merged:
            return None
        for size in (CLOSE, WIDE):
            shrink = size / max(image.shape[:2])
            sharp = size == WIDE or all(face.size * shrink >= _SHARP_AT for face in merged)
            clear = [face for face in seen[size] if face.confidence >= self._clear]
            if sharp and all(any(face.overlap(other) >= _SAME_FACE for other in clear) for face in merged):
                return size
        return None


def merge_looks(close: list[FaceBox], wide: list[FaceBox]) -> list[FaceBox]:
    """The faces of two looks at one picture, each once, most confident first."""
    merged = list(wide)
    for face in close:
        twins = [other for other in merged if other.overlap(face) >= _SAME_FACE]
        if not twins:
            merged.append(face)
        elif all(face.confidence > twin.confidence + _MUCH_SURER for twin in twins):
            merged = [other for other in merged if not any(other is twin for twin in twins)] + [face]
    return sorted(merged, key=lambda face: -face.confidence)
