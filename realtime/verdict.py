"""From the scores of one face to a verdict: evidence over time, dwell, hysteresis, abstention.

The rules, in seconds of the source's timeline (so a file gives the same verdicts at any speed):

- **Evidence** is the mean of the calibrated scores with weights exp(-age / ``smoothing_s``). Scores
  are averaged as they are, not as logits: there one wild frame of 0.9999 would outweigh thirty of 0.4.
- Time is **judged** between two scores that are at most ``hold_s`` apart and without an abstention
  between them. Only judged time counts towards dwell and release.
- *Signs of manipulation* begins when the evidence stayed at or over the threshold for ``dwell_s``,
  and ends when it stayed below ``threshold - release_margin`` for ``release_s``. That is one event.
- *No signs found* begins when the evidence stayed below that lower mark for ``dwell_s``. It lasts
  until an alarm begins or the evidence grows old: in between, the verdict stays what it was.
- *Cannot judge* is everything else: too few frames until ``dwell_s`` was judged; uncertain when
  enough was judged and the evidence stayed on neither side; or the causes that were given.
- An abstention shorter than ``hold_s`` keeps the verdict (one blurred frame must not make it flicker).
  After it the evidence is forgotten. An alarm outlives an abstention by ``release_s``, if that is longer.
- A picture that is frozen or black, a source that stalls and a detector that fails hide *no signs found*
  at once: it would speak of something that nobody looks at any more.
- When time goes back, all is forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from unmask.engines.errors import UsageError
from unmask.engines.manifest import Manifest, Rule, Threshold
from unmask.realtime.types import Cause, Event, FaceState, Verdict

#: How long a verdict outlives the last score, in seconds.
HOLD_S = 1.0

# These concern all that is seen, not one look at one face.
_BLIND = frozenset(
    {
        Cause.PICTURE_FROZEN,
        Cause.PICTURE_BLACK,
        Cause.SOURCE_STALLED,
        Cause.DETECTOR_UNAVAILABLE,
        Cause.SERVER_UNREACHABLE,
    }
)

# Fifteen steps of 0.1 s are a rounding error short of 1.5 s.
_ROUNDING_S = 1e-6

# The mean of equal scores must not fall a rounding error short of a threshold that they equal.
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class FaceVerdict:
    """What is said of one face now.

    ``causes`` holds why not, and is empty unless the verdict is CANNOT_JUDGE. ``score`` is the
    evidence, 0..1, behind SIGNS, NO_SIGNS and an UNCERTAIN abstention, and ``None`` in every other.
    ``evidence`` is there from the first score on, when it is still too little to be said to a person:
    reports reckon with it, and with ``judged_s``, the judged time behind it.
    ``event`` is the alarm that lasts, ``ended`` the one that this very update ended.
    """

    verdict: Verdict
    causes: tuple[Cause, ...]
    score: float | None
    event: Event | None = None
    ended: Event | None = None
    evidence: float | None = field(default=None, compare=False)
    judged_s: float = field(default=0.0, compare=False)


class VerdictMachine:
    """Turns the scores of one face into verdicts by the rules at the head of this module.

    It is monotone: with higher scores at the same times, what was SIGNS stays SIGNS.
    """

    def __init__(self, rule: Rule, threshold: float, *, track_id: int = 0, hold_s: float = HOLD_S) -> None:
        """``threshold`` 0..1 is the evidence at which an alarm begins."""
        if not 0.0 <= threshold <= 1.0:
            raise ValueError(f"A threshold lies between 0 and 1, this one is {threshold}.")
        self._rule = rule
        self._hold_s = hold_s
        self._track_id = track_id
        # A margin as large as the threshold would leave no score at which an alarm can end.
        lower = threshold - min(rule.release_margin, threshold / 2)
        self._evidence = _Evidence(rule.smoothing_s, round(threshold, _DIGITS), round(lower, _DIGITS))
        self._event: Event | None = None
        self._no_signs = False
        self._causes: tuple[Cause, ...] = ()
        self._last_s: float | None = None
        self._scored_s: float | None = None

    def update(self, time_s: float, score: float | None, causes: Sequence[Cause] = ()) -> FaceVerdict:
        """Take what is known at ``time_s`` (seconds of the source's timeline) and say the verdict.

        With ``causes`` it abstains and ``score`` is not looked at. Neither a score nor a cause means
        that nothing new is known. A score that is NaN or infinite is an abstention, never a number.
        Raises ``ValueError`` for a score outside 0..1 or a time that is not finite.
        """
        if not math.isfinite(time_s):
            raise ValueError(f"A time on the source's timeline is finite, this one is {time_s}.")
        if score is not None and not math.isfinite(score):
            score, causes = None, causes or (Cause.DETECTOR_UNAVAILABLE,)
        if score is not None and not 0.0 <= score <= 1.0:
            raise ValueError(f"A calibrated score lies between 0 and 1, this one is {score}.")
        ended = self._forget_the_old(time_s)
        self._last_s = time_s
        if causes:
            self._causes = tuple(causes)
        elif score is not None:
            ended = self._weigh(time_s, score) or ended
        return self._say(ended)

    def finish(self) -> Event | None:
        """The face or the source is gone: the alarm that was still on, ended at the last update."""
        ended = self._end_event(self._last_s or 0.0)
        self._forget()
        return ended

    def _forget_the_old(self, time_s: float) -> Event | None:
        """Drop what is from before a jump back, or older than it may get; the event this ended."""
        if self._last_s is not None and time_s < self._last_s:
            ended = self._end_event(self._last_s)
            self._forget()
            return ended
        if self._scored_s is None:
            return None
        # An alarm keeps no evidence alive: it would weigh on what is seen next, and higher scores
        # before could then lead to a milder verdict after.
        if time_s > self._scored_s + self._hold_s + _ROUNDING_S:
            self._evidence.clear()
            self._no_signs = False
        until_s = self._scored_s + max(self._hold_s, self._rule.release_s)
        return self._end_event(until_s) if time_s > until_s + _ROUNDING_S else None

    def _forget(self) -> None:
        self._evidence.clear()
        self._no_signs = False
        self._causes = ()
        self._scored_s = None

    def _weigh(self, time_s: float, score: float) -> Event | None:
        """Add a score to the evidence; the event this ended."""
        evidence = self._evidence
        passed_s = 0.0 if evidence.empty or self._scored_s is None else time_s - self._scored_s
        evidence.add(score, passed_s, judged=not self._causes)
        self._scored_s = time_s
        self._causes = ()
        ended = None
        if self._event is not None:
            self._event = replace(self._event, peak_score=max(self._event.peak_score, evidence.level))
            if evidence.under_for(self._rule.release_s):
                ended = self._end_event(time_s)
        elif evidence.over_for(self._rule.dwell_s):
            self._event = Event(self._track_id, time_s, None, evidence.level)
            self._no_signs = False
        if self._event is None and evidence.under_for(self._rule.dwell_s):
            self._no_signs = True
        return ended

    def _end_event(self, end_s: float) -> Event | None:
        ended = None if self._event is None else replace(self._event, end_s=end_s)
        self._event = None
        return ended

    def _say(self, ended: Event | None) -> FaceVerdict:
        evidence = None if self._evidence.empty else self._evidence.level
        return replace(self._verdict(ended), evidence=evidence, judged_s=self._evidence.judged_s)

    def _verdict(self, ended: Event | None) -> FaceVerdict:
        level = self._evidence.level
        if self._event is not None:
            return FaceVerdict(Verdict.SIGNS, (), level, self._event, ended)
        if self._no_signs and _BLIND.isdisjoint(self._causes):
            return FaceVerdict(Verdict.NO_SIGNS, (), level, None, ended)
        if self._causes:
            return FaceVerdict(Verdict.CANNOT_JUDGE, self._causes, None, None, ended)
        if self._evidence.empty or not self._evidence.judged_for(self._rule.dwell_s):
            return FaceVerdict(Verdict.CANNOT_JUDGE, (Cause.TOO_FEW_FRAMES,), None, None, ended)
        return FaceVerdict(Verdict.CANNOT_JUDGE, (Cause.UNCERTAIN,), level, None, ended)


class _Evidence:
    """The smoothed score, and how long it has stayed over and under the marks."""

    def __init__(self, smoothing_s: float, upper: float, lower: float) -> None:
        self._smoothing_s = smoothing_s
        self._upper = upper
        self._lower = lower
        self.level = 0.0
        self.clear()

    @property
    def empty(self) -> bool:
        return self._weight == 0.0

    def clear(self) -> None:
        """Forget all but ``level``, which an alarm may still have to show."""
        self._sum = self._weight = 0.0
        self.judged_s = 0.0
        self._over_s: float | None = None
        self._under_s: float | None = None

    def add(self, score: float, passed_s: float, judged: bool) -> None:
        """``passed_s`` since the score before; it counts as watched where it was ``judged``.

        A weighted mean, not the usual recursion from the first score: that one gives the first
        frame of a track the weight of all the time before it.
        """
        kept = math.exp(-passed_s / self._smoothing_s) if self._smoothing_s > 0 else 0.0
        self._sum = self._sum * kept + score
        self._weight = self._weight * kept + 1.0
        self.level = round(self._sum / self._weight, _DIGITS)
        watched_s = passed_s if judged else 0.0
        self.judged_s += watched_s
        self._over_s = _stayed(self._over_s, watched_s, self.level >= self._upper)
        self._under_s = _stayed(self._under_s, watched_s, self.level < self._lower)

    def judged_for(self, seconds: float) -> bool:
        return self.judged_s >= seconds - _ROUNDING_S

    def over_for(self, seconds: float) -> bool:
        return self._over_s is not None and self._over_s >= seconds - _ROUNDING_S

    def under_for(self, seconds: float) -> bool:
        return self._under_s is not None and self._under_s >= seconds - _ROUNDING_S


def _stayed(before_s: float | None, watched_s: float, still: bool) -> float | None:
    """Seconds in a state that ``still`` holds; ``None`` while it does not, 0 at the score that enters it."""
    if not still:
        return None
    return 0.0 if before_s is None else before_s + watched_s


def budget_words(alarms_per_hour: float) -> str:
    """``at most one false alarm in 10 hours``: a false-alarm budget as every page and report says it."""
    hours = 1 / alarms_per_hour
    if math.isclose(hours, 1):
        return "at most one false alarm an hour"
    if hours > 1:
        return f"at most one false alarm in {hours:g} hours"
    return f"at most {alarms_per_hour:g} false alarms an hour"


def threshold_for(manifest: Manifest, alarms_per_hour: float) -> Threshold:
    """The threshold of ``manifest`` with the largest false-alarm budget that keeps to ``alarms_per_hour``.

    Raises ``UsageError`` with the choices when the detector has none that is as strict.
    """
    if not (math.isfinite(alarms_per_hour) and alarms_per_hour > 0):
        raise UsageError(f"A false-alarm budget is a number of alarms per hour over 0, not {alarms_per_hour}.")
    strict = [threshold for threshold in manifest.thresholds if threshold.alarms_per_hour <= alarms_per_hour]
    if not strict:
        choices = ", ".join(f"{value:g}" for value in sorted(t.alarms_per_hour for t in manifest.thresholds))
        raise UsageError(
            f"The detector {manifest.name} has no threshold for {budget_words(alarms_per_hour)}: "
            f"choose one of {choices} per hour, or more."
        )
    return max(strict, key=lambda threshold: threshold.alarms_per_hour)  # no two are for the same


def picture_verdict(faces: Sequence[FaceState], causes: Sequence[Cause] = ()) -> tuple[Verdict, tuple[Cause, ...]]:
    """The verdict on the whole picture from those on its faces and the ``causes`` of the picture itself.

    SIGNS when any face shows signs. NO_SIGNS when none does and at least one could be judged: it
    speaks of those alone, so the causes of the faces that could not be judged come with it.
    Otherwise CANNOT_JUDGE with every cause, and NO_FACE when there is neither a face nor a cause.
    """
    verdicts = {face.verdict for face in faces}
    if Verdict.SIGNS in verdicts:
        return Verdict.SIGNS, ()
    unjudged = [cause for face in faces if face.verdict is Verdict.CANNOT_JUDGE for cause in face.causes]
    if Verdict.NO_SIGNS in verdicts:
        return Verdict.NO_SIGNS, tuple(dict.fromkeys(unjudged))
    every = tuple(dict.fromkeys([*causes, *unjudged]))
    return Verdict.CANNOT_JUDGE, every or (Cause.NO_FACE,)
