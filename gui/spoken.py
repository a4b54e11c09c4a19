"""The words for verdicts, causes and states that the monitor has names for, in the person's language.

``realtime`` says them in English and knows no translations; here each stands once more, for the translators.
"""

from __future__ import annotations

from collections.abc import Sequence

from unmask.gui.i18n import mark, tr
from unmask.realtime.types import Cause, SourceState, Verdict

VERDICTS = {
    Verdict.SIGNS: mark("signs of manipulation"),
    Verdict.NO_SIGNS: mark("no signs found"),
    Verdict.CANNOT_JUDGE: mark("cannot judge"),
}
CAUSES = {
    Cause.NO_FACE: mark("no face in the picture"),
    Cause.FACE_TOO_SMALL: mark("the face is too small"),
    Cause.BLURRED: mark("the face is blurred"),
    Cause.DARK: mark("the face is too dark"),
    Cause.OVEREXPOSED: mark("the face is overexposed"),
    Cause.TURNED_AWAY: mark("the face is turned away"),
    Cause.COVERED: mark("the face is covered"),
    Cause.CUT_OFF: mark("the face is cut off by the edge of the picture"),
    Cause.TOO_FEW_FRAMES: mark("too few frames so far"),
    Cause.FACE_LOST: mark("the face is out of sight"),
    Cause.PICTURE_FROZEN: mark("the picture is frozen"),
    Cause.PICTURE_BLACK: mark("the picture is black"),
    Cause.SOURCE_STALLED: mark("the source sends nothing"),
    Cause.PAUSED: mark("the source is paused"),
    Cause.DETECTOR_UNAVAILABLE: mark("the detector is not available"),
    Cause.FACE_SEARCH_HANGS: mark("the search for faces does not answer"),
    Cause.SERVER_UNREACHABLE: mark("server unreachable"),
    Cause.UNCERTAIN: mark("the score is not clear either way"),
}
STATES = {
    SourceState.OPENING: mark("Opening …"),
    SourceState.RUNNING: mark("Running"),
    SourceState.STALLED: mark("Stalled"),
    SourceState.RECONNECTING: mark("Reconnecting …"),
    SourceState.PAUSED: mark("Paused"),
    SourceState.ENDED: mark("Ended"),
    SourceState.FAILED: mark("Failed"),
}
_COUNTED = {
    "alarm": (mark("{number} alarm"), mark("{number} alarms")),
    "face": (mark("{number} face"), mark("{number} faces")),
    "reconnect": (mark("{number} reconnect"), mark("{number} reconnects")),
    "setting": (mark("{number} setting"), mark("{number} settings")),
}


def verdict_name(verdict: Verdict) -> str:
    return tr(VERDICTS[verdict])


def cause_name(cause: Cause) -> str:
    return tr(CAUSES[cause])


def because(causes: Sequence[Cause]) -> str:
    """``", because ..."`` with all causes, or nothing when there are none."""
    return tr(", because {causes}").format(causes=joined(causes)) if causes else ""


def joined(causes: Sequence[Cause]) -> str:
    """All of them, with "and" between."""
    return tr(" and ").join(cause_name(cause) for cause in causes)


def state_name(state: SourceState) -> str:
    return tr(STATES[state])


def counted(number: int, thing: str) -> str:
    """``2 alarms``. ``thing`` is what is counted, in English: ``KeyError`` for what was never counted before."""
    one, more = _COUNTED[thing]
    return tr(one if number == 1 else more).format(number=number)
