"""When to search a frame for faces, and when the tracks may coast: a face that sits still moves little in a moment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from unmask.engines.errors import UsageError

# Frame times are sums of decimals: a wait that is exactly used up must not depend on their last bit.
_ROUNDING_S = 1e-6
_GOLDEN = (math.sqrt(5) - 1) / 2


class Reason(StrEnum):
    """Why a frame is searched."""

    FIRST = "first"
    CUT = "cut"
    SETTLING = "settling"
    """A cut was a moment ago: of many new faces one or the other is missed at first sight."""
    CROP_DUE = "crop_due"
    OVERDUE = "overdue"
    NEW = "new"
    """A face was seen once: a second look makes it a track, or nothing."""
    MISSING = "missing"
    UNSURE = "unsure"
    MOVING = "moving"
    CHECK = "check"
    """The finder put off a closer look while somebody waited for its answer: nobody waits for this frame."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the tracks promise for the next frame, before anybody searched it.

    ``speed`` is that of the restless one, in face sizes a second, ``confidence`` the least of the last
    detections (1 without a track). ``missing_s`` is for how long the track that was lost last is unseen (infinite
    where none is), ``unconfirmed`` whether something was seen once that may become a track.
    """

    tracks: int = 0
    speed: float = 0.0
    confidence: float = 1.0
    missing_s: float = math.inf
    unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class CadenceSettings:
    """``longest_s``: no longer stretch of the source's timeline stays unsearched, so that a new face is found.

    A track is searched for again when it may have gone ``drift`` of its size since, and in every frame while
    it is less than ``sure`` or was lost within the last ``seek_s``. Every frame is searched for ``settle_s``
    after a cut, too. Above ``busy`` of the time between two frames spent on analysing one, these extra
    searches are left out.
    """

    longest_s: float = 0.25
    drift: float = 0.12
    sure: float = 0.6
    seek_s: float = 0.5
    settle_s: float = 0.2
    busy: float = 0.8

    def __post_init__(self) -> None:
        if not (math.isfinite(self.longest_s) and self.longest_s > 0):
            raise UsageError(f"Faces must be searched at least every few seconds, not every {self.longest_s} s.")


class Cadence:
    """Decides frame by frame: search now, or let the tracks coast. Used from one thread.

    A search is never left out at a cut, when a crop is due (only detected boxes are cropped) and when
    waiting for the next frame would exceed ``longest_s``. ``calm`` leaves out all others, as load does: for
    a processor budget. Only a live source should report a load: what is said of a file must not depend on
    the machine.
    """

    def __init__(self, settings: CadenceSettings | None = None) -> None:
        self.settings = settings or CadenceSettings()
        self.longest_s = self.settings.longest_s
        self.calm = False
        self._searched_s: float | None = None
        self._last_s: float | None = None
        self._cut_s = -math.inf

    def reset(self) -> None:
        """Another scene or timeline: the next frame is searched."""
        self._searched_s = self._last_s = None
        self._cut_s = -math.inf

    def search(
        self,
        time_s: float,
        outlook: Outlook,
        *,
        cut: bool = False,
        crop_due: bool = False,
        check_due: bool = False,
        load: float = 0.0,
    ) -> Reason | None:
        """Why the frame at ``time_s`` is to be searched; ``None`` lets the tracks coast. Asked once a frame.

        ``check_due``: the finder put a closer look off (``StatefulFinder``). ``load`` is the share of the time
        between two frames that analysing one of them took.
        """
        step_s = 0.0 if self._last_s is None else time_s - self._last_s
        self._last_s = time_s
        reason = self._must(time_s, step_s, cut, crop_due)
        if reason is None and not self.calm and load <= self.settings.busy:
            reason = self._wish(time_s, outlook) or (Reason.CHECK if check_due else None)
        if reason is not None:
            self._searched_s = time_s
        if cut:
            self._cut_s = time_s
        return reason

    def _must(self, time_s: float, step_s: float, cut: bool, crop_due: bool) -> Reason | None:
        if self._searched_s is None or step_s < 0:
            return Reason.FIRST
        if cut:
            return Reason.CUT
        if crop_due:
            return Reason.CROP_DUE
        overdue = time_s - self._searched_s + step_s > self.longest_s + _ROUNDING_S
        return Reason.OVERDUE if overdue else None

    def _wish(self, time_s: float, outlook: Outlook) -> Reason | None:
        assert self._searched_s is not None
        if outlook.unconfirmed:
            return Reason.NEW
        if time_s - self._cut_s <= self.settings.settle_s + _ROUNDING_S:
            return Reason.SETTLING
        if outlook.missing_s <= self.settings.seek_s:
            return Reason.MISSING
        if outlook.confidence < self.settings.sure:
            return Reason.UNSURE
        if outlook.speed * (time_s - self._searched_s) > self.settings.drift:
            return Reason.MOVING
        return None


def staggered_s(number: int, began_s: float, stride_s: float) -> float:
    """A moment, on the timeline of source ``number`` that began at ``began_s`` of a common clock, at which its
    samples are to lie: those of several live sources then do not all want the processor in the same frame.

    The golden ratio leaves no two of the first few near each other, whichever of them are at work.
    """
    return number * _GOLDEN % 1 * stride_s - began_s % stride_s
