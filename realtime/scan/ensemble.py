"""Several detectors on one face: how their findings become one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from unmask.realtime.scan.results import DetectorFinding, Timeline
from unmask.realtime.types import Cause, Verdict

Vote = Literal["mean", "majority"]


def combine(
    findings: Sequence[DetectorFinding], vote: Vote
) -> tuple[Verdict, tuple[Cause, ...], float | None, Timeline]:
    """Verdict, causes, score and timeline of a face from what each detector found.

    Detectors that cannot judge have no vote; when none can, their causes are given. ``mean`` compares the mean
    score with the mean of the thresholds; ``majority`` wants more than half for signs, and a tie cannot
    be judged (uncertain). The score is the mean in both.
    """
    if len(findings) == 1:
        only = findings[0]
        return only.verdict, only.causes, only.score, only.timeline
    judged = [finding for finding in findings if finding.verdict is not Verdict.CANNOT_JUDGE]
    timeline = mean_timeline([finding.timeline for finding in findings if finding.timeline])
    if not judged:
        causes = dict.fromkeys(cause for finding in findings for cause in finding.causes)
        return Verdict.CANNOT_JUDGE, tuple(causes), None, timeline
    scores = [finding.score for finding in judged if finding.score is not None]
    score = float(np.mean(scores)) if scores else None
    against = sum(finding.verdict is Verdict.SIGNS for finding in judged)
    if vote == "majority":
        if 2 * against == len(judged):
            return Verdict.CANNOT_JUDGE, (Cause.UNCERTAIN,), None, timeline
        signs = 2 * against > len(judged)
    elif score is None:
        signs = against == len(judged)
    else:
        signs = score >= float(np.mean([finding.threshold for finding in judged]))
    return (Verdict.SIGNS if signs else Verdict.NO_SIGNS), (), score, timeline


def mean_timeline(timelines: Sequence[Timeline]) -> Timeline:
    """The mean evidence at every moment of the first timeline that all of them cover, each interpolated."""
    if not timelines:
        return ()
    begin = max(timeline[0][0] for timeline in timelines)
    end = min(timeline[-1][0] for timeline in timelines)
    moments = [time_s for time_s, _ in timelines[0] if begin <= time_s <= end]
    levels = [np.interp(moments, [t for t, _ in timeline], [level for _, level in timeline]) for timeline in timelines]
    return tuple(zip(moments, np.mean(levels, axis=0).tolist(), strict=True)) if moments else ()
