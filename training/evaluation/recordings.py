"""Recordings watched by the live scanner, once as they are and once more after each line of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unmask.training.evaluation.measures import SHORT, Estimate, estimate_all
from unmask.training.evaluation.passes import Watched, media_scores
from unmask.training.evaluation.samples import MediaItem
from unmask.training.evaluation.timing import FalseAlarms, false_alarms

Seen = Sequence[tuple[MediaItem, Watched]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What genuine (or manipulated) recordings scored: ``judged`` of ``recordings``; the median and the 95 %
    quantile of the evidence at all analysed ``moments``, and the ``highest`` that lasted for the dwell time."""

    recordings: int
    judged: int
    moments: int
    median: float | None
    high: float | None
    highest: float | None


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """One line. ``numbers`` are per recording."""

    name: str
    words: str
    numbers: Mapping[str, Estimate]
    alarms: FalseAlarms | None
    genuine: Evidence | None
    manipulated: Evidence | None


def recording_row(
    name: str, words: str, seen: Seen, threshold: float, *, rounds: int = 1000, seed: int = 0
) -> RecordingRow:
    """``seen`` holds recordings only, no stills."""
    return RecordingRow(
        name=name,
        words=words,
        numbers=estimate_all(media_scores(seen).videos, threshold, names=SHORT, rounds=rounds, seed=seed),
        alarms=false_alarms(seen),
        genuine=evidence_of([watched for item, watched in seen if not item.fake]),
        manipulated=evidence_of([watched for item, watched in seen if item.fake]),
    )


def evidence_of(watched: Sequence[Watched]) -> Evidence | None:
    """``None`` where nothing was watched."""
    if not watched:
        return None
    moments = np.asarray([score for one in watched for score in one.moments])
    held = [one.score for one in watched if one.score is not None]
    return Evidence(
        recordings=len(watched),
        judged=len(held),
        moments=len(moments),
        median=float(np.median(moments)) if len(moments) else None,
        high=float(np.quantile(moments, 0.95)) if len(moments) else None,
        highest=max(held, default=None),
    )
