"""What a person is told of a source that cannot be judged, and what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

from unmask.gui.i18n import tr
from unmask.gui.wording import alarm_words, clock
from unmask.realtime.types import Cause, SourceState, Update

#: What a banner's button asks for; all but ``RESUME`` are rows of ``gui/actions.py``.
AGAIN, SWITCH, REMOVE, ENGINE, RESUME = "watch_again", "switch_source", "remove_source", "detector", "resume"

_BLIND_S = 3.0
_FACELESS_S = 6.0
_ENGINE_CAUSES = frozenset({Cause.DETECTOR_UNAVAILABLE, Cause.SERVER_UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Trouble:
    """``kind`` tells one trouble from another: it is shown once it lasted ``after_s``. ``words`` are what is wrong,
    ``remedy`` what to do; ``asks`` the buttons."""

    kind: str
    words: str
    remedy: str = ""
    asks: tuple[str, ...] = ()
    after_s: float = 0.0

    @property
    def sentence(self) -> str:
        return " ".join(part for part in (self.words, self.remedy) if part)


def trouble_of(update: Update) -> Trouble | None:
    """The trouble of a source, or that it is over; ``None`` when all is well."""
    state = update.state
    if state is SourceState.RUNNING:
        return _of_the_engine(update) or _of_the_picture(update)
    if state is SourceState.FAILED:
        words = update.message or tr("The source failed.")
        return Trouble("failed", words, "", (AGAIN, SWITCH, REMOVE))
    if state is SourceState.ENDED:
        return Trouble("ended", _summary(update), "", (AGAIN, SWITCH, REMOVE))
    if state is SourceState.STALLED:
        remedy = tr("Check the device or the connection; the source is opened again by itself.")
        return Trouble("stalled", update.message or tr("The source sends nothing."), remedy, (AGAIN, SWITCH))
    if state is SourceState.RECONNECTING:
        remedy = tr("It is being tried again by itself.")
        return Trouble("reconnecting", update.message or tr("The source was lost."), remedy, (AGAIN, SWITCH))
    if state is SourceState.PAUSED:
        return Trouble("paused", tr("Paused: nothing is watched here."), "", (RESUME,))
    remedy = tr("A camera or an address may take its time.")
    return Trouble("opening", tr("The source is still being opened."), remedy, (SWITCH,), _BLIND_S)


def _of_the_engine(update: Update) -> Trouble | None:
    """What the session itself says of a running source: its detector failed, hangs, or cannot be reached."""
    if not update.message:
        return None
    words = update.message[0].upper() + update.message[1:].rstrip(".") + "."
    # The session says why; only where it is the detector does another engine help.
    asks = (ENGINE,) if _ENGINE_CAUSES & set(update.causes) else ()
    return Trouble("engine", words, "", asks)


def _of_the_picture(update: Update) -> Trouble | None:
    causes = set(update.causes)
    if Cause.PICTURE_BLACK in causes:
        remedy = tr("Is the lens covered, the camera off, or the window minimised or protected?")
        return Trouble("black", tr("The picture is black."), remedy, (SWITCH,), _BLIND_S)
    if Cause.PICTURE_FROZEN in causes:
        remedy = tr("Is the call on hold, or the window hidden? A still picture cannot be judged.")
        return Trouble("frozen", tr("The picture is frozen."), remedy, (SWITCH,), _BLIND_S)
    if causes == {Cause.NO_FACE}:
        remedy = tr("Show the call larger, or choose the window or region where the faces are.")
        return Trouble("faceless", tr("No face has been found for a while."), remedy, (SWITCH,), _FACELESS_S)
    return None


def _summary(update: Update) -> str:
    frames = update.counters.analysed
    watched = tr("{frames} frames of {time} were analysed.").format(
        frames=frames, time=clock(update.frame.time_s if update.frame is not None else 0.0)
    )
    return " ".join(part for part in (tr("The source is over."), update.message, watched, alarm_words(update)) if part)
