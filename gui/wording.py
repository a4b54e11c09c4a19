"""The window's sentences about an update. No widgets in here."""

from __future__ import annotations

from unmask.gui.i18n import mark, tr
from unmask.gui.spoken import cause_name, counted, joined, state_name, verdict_name
from unmask.realtime.types import Counters, Event, FaceState, SourceState, Update, Verdict

#: To be looked up with ``tr`` where it is shown.
HINT = mark("A hint, never proof: confirm through another channel.")


def verdict_words(update: Update) -> tuple[str, str]:
    """The verdict on the whole picture as a headline, and what it rests on."""
    words = verdict_name(update.verdict)
    return words[0].upper() + words[1:], "; ".join(part for part in (_when(update), _grounds(update)) if part)


def _when(update: Update) -> str:
    return tr("when the source ended") if update.state is SourceState.ENDED else ""


def _grounds(update: Update) -> str:
    if update.verdict is Verdict.CANNOT_JUDGE:
        return tr("because {causes}").format(causes=joined(update.causes)) if update.causes else ""
    face = max(
        (face for face in update.faces if face.verdict is update.verdict and face.score is not None),
        key=lambda face: face.score or 0.0,
        default=None,
    )
    if face is None:
        return ""
    return tr("face {number}: {score}").format(number=face.track.track_id, score=score_words(face))


def score_words(face: FaceState) -> str:
    """A percentage only where the score is calibrated."""
    if face.score is None:
        return ""
    return f"{face.score:.0%}" if face.calibrated else tr("score {score}").format(score=f"{face.score:.2f}")


def face_lines(face: FaceState) -> list[str]:
    """A face's label: its number and verdict, then the score or the cause where there is one."""
    judged = face.verdict is not Verdict.CANNOT_JUDGE
    reason = score_words(face) if judged else (cause_name(face.causes[0]) if face.causes else "")
    return [f"{face.track.track_id}: {verdict_name(face.verdict)}", *([reason] if reason else [])]


def state_words(update: Update) -> tuple[str, str]:
    """What is to be said over the picture: a headline and a sentence; both empty when all is well."""
    if update.state is SourceState.RUNNING:
        return ("", update.message) if update.frame is not None else (tr("Waiting for the first picture"), "")
    if update.state is SourceState.ENDED:
        return state_name(update.state), " ".join(part for part in (update.message, alarm_words(update)) if part)
    return state_name(update.state), update.message


def alarm_words(update: Update) -> str:
    """How many alarms there were; where nothing could be judged, that instead of "none"."""
    if update.events:
        return tr("{alarms} for signs of manipulation.").format(alarms=counted(len(update.events), "alarm"))
    return tr("No alarm was raised.") if update.counters.scored_crops else tr("Nothing could be judged.")


def head_up_line(update: Update, age_ms: float | None, spread: str = "", load: str = "") -> str:
    """How the pipeline fares. ``age_ms`` is how old the picture was when it was painted, ``spread`` how such
    ages spread, ``load`` the processor cores in use."""
    age = tr("frame age {age}").format(age=f"{age_ms:.0f} ms" if age_ms is not None else "-")
    parts = [
        f"{update.fps:.1f} fps",
        f"{age} ({spread})" if spread else age,
        counted(len(update.faces), "face"),
        tr("dropped {number}").format(number=sum(update.counters.dropped.values())),
        update.engine,
        load,
    ]
    return " · ".join(part for part in parts if part)


def dropped_words(counters: Counters) -> str:
    """Why frames were dropped, and how often the source was opened again."""
    causes = [f"{number} ({cause})" for cause, number in counters.dropped.items() if number]
    dropped = tr("dropped: {causes}").format(causes=", ".join(causes) or tr("none"))
    return f"{dropped}; {counted(counters.reconnects, 'reconnect')}"


def lowered_words(update: Update | None) -> list[str]:
    """A sentence on what is done less often to stay within the processor budget; none where nothing is."""
    if update is None or not update.lowered:
        return []
    words = ", ".join(update.lowered)
    return [f"{words[0].upper()}{words[1:]}."]


def event_span(event: Event) -> str:
    """From when to when, on the source's timeline."""
    end = clock(event.end_s) if event.end_s is not None else tr("now")
    return tr("{start} to {end}").format(start=clock(event.start_s), end=end)


def clock(seconds: float) -> str:
    """``1:02:03.4``, without the hours where there are none."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    hour = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{hour}:{rest / 10:04.1f}"
