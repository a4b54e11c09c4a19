"""What a report says of the detectors and settings behind it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from unmask.engines.manifest import Threshold
from unmask.realtime.detector import Detector
from unmask.realtime.scan.scanner import ScanSettings
from unmask.realtime.verdict import budget_words


def backing(threshold: Threshold) -> str:
    """One sentence on a threshold: what it was set for, and what the footage behind it proves."""
    proven = threshold.proven_per_hour
    proof = "which proves no rate" if proven is None else f"which proves no rate under {proven:.2g} per hour (95 %)"
    return (
        f"Alarms start at score {threshold.score:.2f}, set for {budget_words(threshold.alarms_per_hour)}; "
        f"behind it: {threshold.footage_hours:.2f} h of genuine footage with {threshold.alarms_seen} alarms, {proof}."
    )


def report_header(
    detectors: Sequence[tuple[Detector, Threshold]], faces: str, settings: ScanSettings
) -> dict[str, Any]:
    """``detector`` (the one, or the ensemble), ``detectors`` with each one's limits, and ``settings``."""
    each = [
        {
            "name": detector.manifest.name,
            "version": detector.manifest.version,
            "engine": detector.provider,
            "calibrated": detector.calibrated,
            "threshold": threshold.score,
            "backing": backing(threshold),
            "limits": list(detector.manifest.provenance.limits),
        }
        for detector, threshold in detectors
    ]
    one = each[0] if len(each) == 1 else {"name": "ensemble", "vote": settings.vote, "of": [d["name"] for d in each]}
    return {
        "unmask": version("unmask"),
        "detector": one,
        "detectors": each,
        "settings": {
            "face finder": faces,
            "false alarms accepted per hour": settings.alarms_per_hour,
            "most frames per item": settings.most_frames,
        },
    }
