"""What became of a data set, in numbers: the same for the same input, so it holds no dates and no times."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from unmask.training.prepare.items import SPLITS, Skipped, SourceItem
from unmask.training.prepare.splits import Assignment

SEVERAL_FACES = "{count} frames of manipulated videos show several faces, perhaps only one of them manipulated: {kept}"
_KEPT = {
    "largest": "the largest is kept, which may be the wrong one.",
    "all": "all are kept and labelled fake, so some labels are wrong.",
}
JPEG = "Crops are JPEG of quality {quality}, which adds its own loss to that of the source; --format png adds none."


def build_report(
    assignment: Assignment,
    results: Mapping[str, Mapping[str, Any]],
    skipped: Sequence[Skipped],
    notes: Sequence[str],
    settings: Mapping[str, Any],
    shards: int,
) -> dict[str, Any]:
    """``results`` by ``source``, as workers record them, but for ``rows``: their number. Ready for JSON."""
    done = [item for item in assignment.items if results[item.source]["rows"]]
    failed = [
        {
            "source": item.source,
            "reason": results[item.source]["reason"],
            "detail": results[item.source]["detail"],
        }
        for item in assignment.items
        if not results[item.source]["rows"]
    ]
    dropped = [{"source": one.source, "reason": one.reason, "detail": one.detail} for one in skipped]
    all_skipped = sorted(dropped + failed, key=lambda entry: entry["source"])
    totals: Counter[str] = Counter()
    for result in results.values():
        totals.update(result["counts"])
    cut = settings["cut"]
    return {
        "settings": settings,
        "items": len(assignment.items) + len(skipped),
        "prepared": len(done),
        "crops": sum(results[item.source]["rows"] for item in done),
        "shards": shards,
        "clips": sum(results[item.source]["clip"] for item in done),
        "frames": dict(totals),
        "sets": _sets(done, assignment, results),
        "manipulations": dict(sorted(Counter(item.manipulation or "none" for item in done).items())),
        "skipped_by_reason": dict(sorted(Counter(entry["reason"] for entry in all_skipped).items())),
        "skipped": all_skipped,
        "broken_off": [
            {"source": item.source, "detail": results[item.source]["broken"]}
            for item in done
            if results[item.source]["broken"]
        ],
        "without_clip": sorted(
            item.source for item in done if cut["clips"] and not results[item.source]["clip"] and item.kind != "image"
        ),
        "notes": [*notes, *assignment.notes, *_own_notes(done, results, cut)],
    }


def _sets(
    done: Sequence[SourceItem], assignment: Assignment, results: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, int]]:
    """Per set: real and fake items, crops, identity groups."""
    sets: dict[str, dict[str, int]] = {split: {"real": 0, "fake": 0, "crops": 0, "groups": 0} for split in SPLITS}
    groups: dict[str, set[str]] = defaultdict(set)
    for item in done:
        split = assignment.split_of[item.source]
        sets[split][item.label] += 1
        sets[split]["crops"] += results[item.source]["rows"]
        groups[split].add(assignment.group_of[item.source])
    for split, names in groups.items():
        sets[split]["groups"] = len(names)
    return sets


def _own_notes(
    done: Sequence[SourceItem], results: Mapping[str, Mapping[str, Any]], cut: Mapping[str, Any]
) -> list[str]:
    notes = []
    several = sum(results[item.source]["counts"]["several_faces"] for item in done if item.fake)
    if several:
        notes.append(SEVERAL_FACES.format(count=several, kept=_KEPT[cut["faces"]]))
    if cut["format"] == "jpg":
        notes.append(JPEG.format(quality=cut["quality"]))
    return notes
