"""A scan's finding as an entry of the history."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from unmask.realtime.history.records import Entry, Judging, ScanRecord
from unmask.realtime.scan.results import ItemFinding


def scan_record(finding: ItemFinding, judging: Judging, at: float | None = None) -> ScanRecord:
    """``finding`` without its pictures; ``at`` is when it was done (default: now). The file is looked up for its
    size and time, so that one can tell later whether it is still the same."""
    size, changed_at = _facts(finding.path)
    alarms = sum(len(found.events) for face in finding.faces for found in face.detectors[:1])
    causes = tuple(cause.value for cause in finding.causes)
    entry = Entry(
        0,
        "scan",
        time.time() if at is None else at,
        finding.path,
        finding.verdict,
        causes,
        finding.score,
        alarms,
        f"{judging.detector} {judging.version}".strip(),
        finding.error,
    )
    return ScanRecord(entry, finding.path, finding.kind, size, changed_at, judging, finding.as_json())


def judging_from(header: dict[str, Any], alarms_per_hour: float) -> Judging:
    """Of the header of a scan's report (``report_header``): an ensemble by all its names."""
    each = header["detectors"]
    return Judging(
        " + ".join(one["name"] for one in each),
        " + ".join(one["version"] for one in each),
        " + ".join(dict.fromkeys(one["engine"] for one in each)),
        alarms_per_hour=alarms_per_hour,
        threshold=sum(one["threshold"] for one in each) / len(each),
        backing=" ".join(one["backing"] for one in each),
    )


def _facts(path: str) -> tuple[int | None, float | None]:
    """Size and time of a file; of a member of an archive, those of the archive."""
    for place in (Path(path), *Path(path).parents):
        try:
            if place.is_file():
                found = place.stat()
                return found.st_size, found.st_mtime
        except (OSError, ValueError):
            return None, None
    return None, None
