"""The timeline's sentences. No widgets in here."""

from __future__ import annotations

from unmask.gui.i18n import tr
from unmask.gui.spoken import because, cause_name, counted, verdict_name
from unmask.gui.timeline.series import Moment, SourceSeries
from unmask.gui.timeline.times import TimeWords
from unmask.realtime.types import Event, Verdict

_CONTEXT = "timeline"


def score_words(score: float, calibrated: bool) -> str:
    """A percentage only where the score is calibrated."""
    return f"{score:.0%}" if calibrated else tr("score {}", _CONTEXT).format(f"{score:.2f}")


def moment_words(track_id: int, moment: Moment, calibrated: bool) -> str:
    """What was said of a face at one moment, why not, and the threshold then."""
    parts = [verdict_name(moment.verdict)]
    if moment.verdict is Verdict.CANNOT_JUDGE and moment.cause is not None:
        parts.append(cause_name(moment.cause))
    if moment.score is not None:
        parts.append(score_words(moment.score, calibrated))
        if moment.threshold is not None:
            parts.append(tr("threshold {}", _CONTEXT).format(score_words(moment.threshold, calibrated)))
    return tr("Face {}: {}", _CONTEXT).format(track_id, ", ".join(parts))


def event_words(event: Event, number: int, times: TimeWords, calibrated: bool) -> str:
    """An alarm: whose, from when to when, and its highest score."""
    end = tr("now", _CONTEXT) if event.end_s is None else times.words(event.end_s)
    words = tr("Alarm {}: face {}, {} to {}, highest {}", _CONTEXT)
    peak = score_words(event.peak_score, calibrated)
    return words.format(number, event.track_id, times.words(event.start_s), end, peak)


def description(series: SourceSeries, following: bool) -> str:
    """The timeline for who does not see it; without scores, which would make a screen reader talk all the time."""
    verdict = verdict_name(series.verdict) + (because(series.causes) if series.verdict is Verdict.CANNOT_JUDGE else "")
    parts = [tr("Last verdict: {}.", _CONTEXT).format(verdict), f"{counted(len(series.events), 'alarm')}."]
    if not following:
        parts.append(tr("Showing the past: End returns to now.", _CONTEXT))
    return " ".join(parts)


def nothing_kept(seconds: float) -> str:
    """Why an alarm has no pictures (any more), and what would keep some."""
    if seconds <= 0:
        why = tr("the privacy settings keep no pictures in memory", _CONTEXT)
    else:
        why = tr("its pictures were deleted, or had to make room for later ones", _CONTEXT)
    return tr("Nothing is kept of this alarm: {}.", _CONTEXT).format(why)
