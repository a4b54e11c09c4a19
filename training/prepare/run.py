"""The whole preparation: list, split, cut in parallel, pack, report; begun anew it goes on where it stopped."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unmask.engines.errors import UsageError
from unmask.training.data.dfdc import DataError
from unmask.training.prepare.cutting import CutSettings
from unmask.training.prepare.duplicates import file_size, without_duplicates
from unmask.training.prepare.identities import read_people, with_people
from unmask.training.prepare.index import index_lines
from unmask.training.prepare.items import Skipped, SourceItem, item_keys
from unmask.training.prepare.layouts.base import LayoutOptions
from unmask.training.prepare.layouts.registry import FoundLayout, check_options
from unmask.training.prepare.ledger import CLIPS, REPORT, Ledger, fingerprint, read_json
from unmask.training.prepare.media import Parts
from unmask.training.prepare.pool import process_units
from unmask.training.prepare.report import build_report
from unmask.training.prepare.shards import Packer
from unmask.training.prepare.splits import Assignment, SplitSettings, assign_splits
from unmask.training.prepare.worker import PICTURES_PER_UNIT, Unit

Progress = Callable[[int, int], None]

# Bytes per pixel of crops, on the safe side: for the check that the disk is large enough.
_BYTES_PER_PIXEL = {"jpg": 0.6, "png": 2.0}
_DISK_RESERVE = 256 << 20


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """``identities``: a table that ``read_people`` reads. ``limit``: only so many items, drawn by the seed."""

    cut: CutSettings = field(default_factory=CutSettings)
    splits: SplitSettings = field(default_factory=SplitSettings)
    layout: LayoutOptions = field(default_factory=LayoutOptions)
    identities: Path | None = None
    per_shard: int = 1000
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is decided before a file is opened."""

    assignment: Assignment
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    units: tuple[Unit, ...]
    keys: dict[str, str]


def plan(root: Path, found: FoundLayout, settings: PrepareSettings) -> Plan:
    """Who is in which set, and the units of work in the order in which their crops are packed.

    The order is drawn by the seed, so that each shard holds all sorts. Raises ``UsageError`` where the data
    set is empty or cannot be split as asked.
    """
    check_options(found.layout, settings.layout)
    listing = found.layout.list_items(root, settings.layout)
    items: Sequence[SourceItem] = listing.items
    if settings.identities:
        items = with_people(items, read_people(settings.identities, items))
    if settings.limit:
        order = np.random.default_rng(settings.splits.seed).permutation(len(items))[: settings.limit]
        items = [items[int(place)] for place in sorted(order)]
    kept, skipped = without_duplicates(items)
    if not kept:
        raise UsageError(f"{root} holds no video or picture to prepare ({found.layout.title}).")
    assignment = assign_splits(kept, settings.splits)
    keys = item_keys(assignment.items)
    units = tuple(_units(assignment.items, keys, settings.splits.seed))
    return Plan(assignment, (*listing.skipped, *skipped, *assignment.skipped), listing.notes, units, keys)


def _units(items: Sequence[SourceItem], keys: dict[str, str], seed: int) -> Iterator[Unit]:
    order = [items[int(place)] for place in np.random.default_rng(seed).permutation(len(items))]
    entries = [[(item, keys[item.source])] for item in order if item.kind != "image"]
    pictures = [(item, keys[item.source]) for item in order if item.kind == "image"]
    entries += [pictures[at : at + PICTURES_PER_UNIT] for at in range(0, len(pictures), PICTURES_PER_UNIT)]
    for number, own in enumerate(entries):
        yield Unit(number, tuple(own))


def prepare(
    out: Path,
    plan: Plan,
    parts: Parts,
    settings: PrepareSettings,
    finder: str,
    *,
    workers: int = 1,
    restart: bool = False,
    progress: Progress = lambda done, total: None,
) -> dict[str, Any]:
    """Fill ``out`` and return the report that lies there as ``report.json``.

    ``finder`` describes the face finder that ``parts`` make. A run that was interrupted or killed goes on
    when it is started again with the same settings; its output is the same to the last byte, whatever the
    number of ``workers``. Raises ``UsageError`` for a folder with other contents, ``DataError`` when the disk
    is too small or nothing gave a crop.
    """
    ledger = Ledger(out)
    described = _described(plan, settings, finder)
    with ledger.locked():
        if ledger.open(described, restart=restart):
            return read_json(out / REPORT, dict)
        if settings.cut.clips:
            (out / CLIPS).mkdir(exist_ok=True)
        done = ledger.done()
        todo = [unit for unit in plan.units if unit.number not in done]
        _check_disk(out, todo, settings.cut)
        packer = Packer(ledger, settings.per_shard)
        results: dict[str, dict[str, Any]] = {}

        def take(unit: Unit, found: list[dict[str, Any]]) -> None:
            # A large data set has millions of rows: they stay in the ledger, and only their number here.
            results.update((result["source"], result | {"rows": len(result["rows"])}) for result in found)
            packer.add(unit.number, [row["file"] for result in found for row in result["rows"]])
            progress(len(results), len(plan.assignment.items))

        for unit in plan.units:
            if unit.number in done:
                take(unit, ledger.read(unit.number))
        with closing(process_units(todo, parts, settings.cut, out, finder, workers)) as running:
            for unit, found in running:
                take(unit, found)
                _check_reserve(out)
        shards = packer.finish()
        report = build_report(plan.assignment, results, plan.skipped, plan.notes, described, shards)
        if not report["crops"]:
            reasons = ", ".join(f"{count} {reason}" for reason, count in report["skipped_by_reason"].items())
            raise DataError(f"Not one face crop came of {report['items']} files ({reasons}): check the face finder.")
        ledger.finish(index_lines(_rows(plan, ledger)), report)
        return report


def _described(plan: Plan, settings: PrepareSettings, finder: str) -> dict[str, Any]:
    """What must be the same for a run to go on, and what the report says of how it was made."""
    files = fingerprint(
        (item.source, item.label, item.people, plan.assignment.split_of[item.source], file_size(item.path))
        for item in plan.assignment.items
    )
    return {
        "cut": dataclasses.asdict(settings.cut),
        "splits": dataclasses.asdict(settings.splits),
        "per_shard": settings.per_shard,
        "finder": finder,
        "items": files,
    }


def _rows(plan: Plan, ledger: Ledger) -> Iterator[dict[str, Any]]:
    """The rows of the index, in the order of the shards."""
    for unit in plan.units:
        results = {result["source"]: result for result in ledger.read(unit.number)}
        for item, key in unit.entries:
            common = {
                "label": item.label,
                "original": plan.keys.get(item.original, ""),
                "identity_group": plan.assignment.group_of[item.source],
                "split": plan.assignment.split_of[item.source],
                "manipulation": item.manipulation,
                "dataset": item.dataset,
                "video": key,
                "source_video": item.source,
            }
            for row in results[item.source]["rows"]:
                yield common | {name: value for name, value in row.items() if name != "file"}


def expected_bytes(units: Sequence[Unit], cut: CutSettings) -> int:
    """About what the crops of ``units`` need on disk, with one face per frame; shards and ledger briefly both."""
    single = cut.size**2 * _BYTES_PER_PIXEL[cut.format]
    total = 0.0
    for unit in units:
        for item, _ in unit.entries:
            total += single * (1 if item.kind == "image" else cut.frames)
            if cut.clips and item.kind != "image":
                width = 4 if cut.clips.dtype == "float32" else 1
                total += cut.clips.frames * 3 * cut.clips.size**2 * width
    return int(total)


def _check_disk(out: Path, units: Sequence[Unit], cut: CutSettings) -> None:
    needed, free = expected_bytes(units, cut) + _DISK_RESERVE, shutil.disk_usage(out).free
    if needed > free:
        raise DataError(
            f"{out} has {free / 1e9:.1f} GB free, and the crops may need {needed / 1e9:.1f} GB: choose another disk, "
            "fewer --frames or a smaller --size."
        )


def _check_reserve(out: Path) -> None:
    free = shutil.disk_usage(out).free
    if free < _DISK_RESERVE // 2:
        raise DataError(
            f"The disk of {out} is nearly full ({free / 1e6:.0f} MB free): make room and run the same command again, "
            "it goes on where it stopped."
        )
