"""Put what ``unmask.benchmarks.footage`` saw into a package's manifest and card.

``python -m unmask.export.footage FOLDER --genuine FILE [--pairs FILE]``. No threshold and no weight
changes: the package only comes to state how much footage stands behind it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.engines.errors import ends_with_a_sentence
from unmask.engines.manifest import Manifest, Metric, Provenance, Threshold
from unmask.engines.package import load_package
from unmask.export.card import card
from unmask.export.package_writer import ExportError, variant_bytes, write_package
from unmask.training.evaluate import auroc, bootstrap

PAIRS_COMMAND = "python -m unmask.benchmarks.footage {name} DATA/data/clips/pairs --halves --json PAIRS"
PAIRS = "side-by-side clips of live face swapping, watched after all choices were made"

LIVE = "live face swapping:"
_ALARMED = "{} halves with an alarm at the loosest threshold"
_KEYS = frozenset({"clip", "half", "seconds", "judged_seconds", "score", "alarms"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A report of ``unmask.benchmarks.footage``."""

    detector: str
    version: str
    clips: list[dict[str, Any]]


def read_report(path: Path, manifest: Manifest) -> Seen:
    """Raises ``ExportError`` for a file that is no such report, or one about another detector."""
    try:
        seen = Seen(**json.loads(path.read_text(encoding="utf-8")))
        budgets = {f"{threshold.alarms_per_hour:g}" for threshold in manifest.thresholds}
        sound = bool(seen.clips) and all(_is_clip(clip, budgets) for clip in seen.clips)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ExportError(f"{path} is no report of unmask.benchmarks.footage: write one with --json.") from error
    if (seen.detector, seen.version) != (manifest.name, manifest.version):
        raise ExportError(
            f"{path} is about {seen.detector} {seen.version}, the package is {manifest.name} "
            f"{manifest.version}: watch the footage with this package."
        )
    if not sound:
        raise ExportError(f"{path} lacks clips, or alarms at a threshold of the package: watch the footage again.")
    return seen


def _is_clip(clip: dict[str, Any], budgets: set[str]) -> bool:
    numbers = [clip.get("seconds"), clip.get("judged_seconds"), *clip.get("alarms", {}).values()]
    numbers += [] if clip.get("score") is None else [clip["score"]]
    return (
        clip.keys() >= _KEYS
        and budgets <= clip["alarms"].keys()
        and all(isinstance(number, int | float) and 0 <= number < 1e9 for number in numbers)
    )


def backed(thresholds: Sequence[Threshold], seen: Seen) -> tuple[Threshold, ...]:
    """The thresholds with the genuine footage watched and the alarms counted at each."""
    hours = sum(clip["seconds"] for clip in seen.clips) / 3600
    judged = sum(clip["judged_seconds"] for clip in seen.clips) / 60
    results = []
    for threshold in thresholds:
        key = f"{threshold.alarms_per_hour:g}"
        alarms = sum(clip["alarms"][key] for clip in seen.clips)
        footage = (
            f"{len(seen.clips)} clips of people talking, {hours * 60:.1f} minutes, of which {judged:.1f} "
            f"could be judged"
        )
        update = {"footage_hours": round(hours, 4), "alarms_seen": alarms}
        watched = threshold.model_copy(update=update)
        proven = watched.proven_per_hour
        if proven is None or proven > threshold.alarms_per_hour:
            footage += ": far too little to prove this rate" if not alarms else ": this rate is not proven"
        results.append(watched.model_copy(update={"footage": footage}))
    return tuple(results)


def per_clip(seen: Seen) -> list[Metric]:
    """AUROC of the halves of side-by-side clips, resampled by clip, how many had a score, and the alarms."""
    command = PAIRS_COMMAND.format(name=seen.detector)
    scored = [clip for clip in seen.clips if clip["score"] is not None]
    labels = [clip["half"] == "right" for clip in scored]
    try:
        value = bootstrap(auroc, labels, [clip["score"] for clip in scored], [clip["clip"] for clip in scored])
    except ValueError as error:
        raise ExportError(
            f"The pairs tell nothing: {str(error).rstrip('.')}; watch more side-by-side clips, with --halves."
        ) from error
    budget = max(seen.clips[0]["alarms"], key=float)
    halves = len(seen.clips)
    area = Metric(
        name="AUROC per clip, live face swapping",
        value=round(value.value, 4),
        low=round(value.low, 4),
        high=round(value.high, 4),
        data=PAIRS,
        units=value.groups,
        unit="clips",
        command=command,
    )
    shares = [("halves with a score, live face swapping", [clip["score"] is not None for clip in seen.clips], halves)]
    for half, name in (("right", "swapped"), ("left", "genuine")):
        alarmed = [clip["alarms"][budget] > 0 for clip in seen.clips if clip["half"] == half]
        shares.append((_ALARMED.format(name), alarmed, len(alarmed)))
    return [
        area,
        *(
            Metric(name=name, value=round(float(np.mean(hits)), 4), data=PAIRS, units=units, unit="halves",
                   command=command)
            for name, hits, units in shares
        ),
    ]  # fmt: skip


def limit_of(metrics: Sequence[Metric]) -> str:
    """The sentence about live face swapping that belongs among the limits."""
    area = metrics[0]
    assert area.low is not None
    verdict = "no better than chance" if area.low <= 0.5 else "better than chance"
    found = next(metric.value for metric in metrics if metric.name == _ALARMED.format("swapped"))
    alarms = "none of the swapped halves" if not found else f"{found:.0%} of the swapped halves"
    return (
        f"{LIVE} on {area.units} side-by-side clips it told swapped halves from genuine ones {verdict} "
        f"(AUROC {area.value:.2f}, {area.low:.2f} to {area.high:.2f}), and {alarms} raised an alarm; the same clips "
        "were looked at for every release, so they are no unseen test"
    )


def with_pairs(provenance: Provenance, pairs: Sequence[Metric]) -> Provenance:
    """``provenance`` with what was seen of live face swapping, in place of what it said of it before."""
    metrics = [metric for metric in provenance.metrics if metric.data != PAIRS]
    limits = [limit for limit in provenance.limits if not limit.startswith(LIVE)]
    return provenance.model_copy(update={"metrics": (*metrics, *pairs), "limits": (limit_of(pairs), *limits)})


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m unmask.export.footage", description=__doc__)
    parser.add_argument("package", type=Path)
    parser.add_argument("--genuine", type=Path, required=True, help="report on genuine footage")
    parser.add_argument("--pairs", type=Path, help="report on side-by-side clips (--halves)")
    options = parser.parse_args(argv)
    package = load_package(options.package)
    manifest = package.manifest
    provenance = manifest.provenance
    if options.pairs:
        provenance = with_pairs(provenance, per_clip(read_report(options.pairs, manifest)))
    alarms = backed(manifest.thresholds, read_report(options.genuine, manifest))
    manifest = manifest.model_copy(update={"thresholds": alarms, "provenance": provenance})
    write_package(
        options.package, manifest, package.encoder_path.read_bytes(), package.head_path.read_bytes(),
        variants=variant_bytes(package), card=card(manifest),
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
