"""Which lanes are shown, and where a score lies in one. No widgets in here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: A lane that is lower than this says nothing; one as high as the second has words that others have no room for.
LEAST_PX, ROOMY_PX = 38.0, 70.0
_MARKS_PX = 50.0
_FOOT_PX = 4.0


@dataclass(frozen=True, slots=True)
class Layout:
    """The shown lanes from the top, as the plot's y axis has them: the first lies between 0 and -1, the second
    between -1 and -2; the scores are in the lower part of each, below a head for names. ``hidden`` have no room."""

    lanes: tuple[int, ...] = (0,)
    lane_px: float = 100.0
    header_px: float = 18.0
    hidden: int = 0

    def y(self, lane: int, score: float) -> float:
        """Where a score of a shown lane lies on the axis."""
        head, foot = self.header_px / self.lane_px, _FOOT_PX / self.lane_px
        return -(self.lanes.index(lane) + 1) + foot + score * max(0.1, 1 - head - foot)

    def top(self, lane: int) -> float:
        return -float(self.lanes.index(lane))

    def lane_at(self, y: float) -> int:
        return self.lanes[min(len(self.lanes) - 1, max(0, int(-y)))]

    @property
    def roomy(self) -> bool:
        return self.lane_px >= ROOMY_PX

    @property
    def marks(self) -> tuple[float, ...]:
        """The scores that have a line across the lane."""
        return (0.0, 0.5, 1.0) if self.roomy else (0.0, 1.0)

    @property
    def words(self) -> dict[float, str]:
        """What stands at the axis, from the foot of a lane, where there is room for it."""
        return {score: f"{score:g}" for score in self.marks} if self.lane_px >= _MARKS_PX else {}


def laid_out(lanes: Iterable[int], alarming: Iterable[int], height_px: float, header_px: float) -> Layout:
    """As many of the ``lanes`` as ``height_px`` has room for: those with an alarm first, then from the top."""
    every, loud = sorted(set(lanes)), set(alarming)
    most = max(1, int(height_px / LEAST_PX))
    shown = sorted(sorted(every, key=lambda lane: (lane not in loud, lane))[:most]) or [0]
    return Layout(tuple(shown), max(24.0, height_px / len(shown)), header_px, max(0, len(every) - len(shown)))
