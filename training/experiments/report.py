"""What an experiment found, as rows of ``training/EXPERIMENTS.md``: AUROC with intervals by person or clip."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from unmask.training.evaluate import Floats, Interval, auroc, bootstrap
from unmask.training.experiments.embeddings import Embedded
from unmask.training.experiments.probe import per_clip


def auroc_rows(sets: Mapping[str, Embedded], values: Mapping[str, Floats]) -> dict[str, Interval]:
    """AUROC of every set but the training ones; sets of clips also with one score per clip and label."""
    rows: dict[str, Interval] = {}
    for name, part in sets.items():
        if name.startswith("train"):
            continue
        rows[name] = bootstrap(auroc, part.fake, values[name], part.groups, rounds=300)
        if name.startswith("clips"):
            fake, means, clips = per_clip(part, values[name])
            rows[f"{name}, per clip"] = bootstrap(auroc, fake, means, clips, rounds=300)
    return rows


def genuine_level(sets: Mapping[str, Embedded], values: Mapping[str, Floats], set_at: str = "DFDC val") -> float:
    """The share of genuine clip frames over the score that 2 % of genuine rows of ``set_at`` exceed."""
    reference, clips = sets[set_at], sets["clips call"]
    threshold = float(np.quantile(values[set_at][~reference.fake], 0.98))
    return float(np.mean(values["clips call"][~clips.fake] >= threshold))


def say(rows: Mapping[str, Interval], log: Callable[[str], None]) -> None:
    for name, row in rows.items():
        log(f"  {name}: {row.value:.3f} [{row.low:.3f}, {row.high:.3f}] ({row.groups} groups)")


def write(path: Path, facts: Mapping[str, object], rows: Mapping[str, Interval]) -> None:
    content = {**facts, "auroc": {name: asdict(row) for name, row in rows.items()}}
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
