"""Person by person: a mean over everybody hides who is not found, and who is alarmed about again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.training import evaluate
from unmask.training.evaluation.measures import Table

#: A person with fewer rows of a class than this has no AUROC of their own here.
FEWEST = 5
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Person:
    """One group. ``false_positives`` of ``genuine`` judged rows, ``found`` of ``manipulated`` rows, abstentions
    included; ``auroc`` against their own genuine rows, ``None`` for fewer than ``FEWEST`` of a class."""

    group: str
    genuine: int
    false_positives: int
    manipulated: int
    found: int
    auroc: float | None


@dataclass(frozen=True, slots=True)
class People:
    """``lowest``, ``tenth`` and ``middle`` are the AUROC of the worst person, of the worst tenth and of the median,
    of ``ranked`` people with enough rows (``None`` for none). ``alarmed`` of ``genuine`` people have a false
    positive; ``first_three`` is the share of all of them that the three with the most have, where more have any.
    ``worst`` are those with the most false positives, then those with the lowest AUROC."""

    ranked: int
    lowest: float | None
    tenth: float | None
    middle: float | None
    genuine: int
    alarmed: int
    false_positives: int
    first_three: float | None
    worst: Sequence[Person]


def people_of(table: Table, threshold: float) -> People | None:
    """``None`` for fewer than two groups, or where none has ``FEWEST`` rows: that says no more than the whole."""
    names, sizes = np.unique(table.group, return_counts=True)
    if len(names) < 2 or sizes.max() < FEWEST:
        return None
    everybody = [_person(str(name), table.where(table.group == name), threshold) for name in names]
    areas = sorted(person.auroc for person in everybody if person.auroc is not None)
    alarms = sorted((person.false_positives for person in everybody), reverse=True)
    total = sum(alarms)
    most = [person for person in everybody if person.false_positives]
    most.sort(key=lambda person: (-person.false_positives, person.group))
    low = [person for person in everybody if person.auroc is not None and person not in most[: _SHOWN // 2]]
    low.sort(key=lambda person: (person.auroc or 0.0, person.group))
    return People(
        ranked=len(areas),
        lowest=areas[0] if areas else None,
        tenth=float(np.quantile(areas, 0.1)) if areas else None,
        middle=float(np.median(areas)) if areas else None,
        genuine=sum(person.genuine > 0 for person in everybody),
        alarmed=len(most),
        false_positives=total,
        first_three=sum(alarms[:3]) / total if len(most) > 3 else None,
        worst=(*most[: _SHOWN // 2], *low[: _SHOWN // 2]),
    )


def _person(name: str, table: Table, threshold: float) -> Person:
    judged = np.isfinite(table.score)
    alarm = judged & (np.nan_to_num(table.score) >= threshold)
    real, fake = judged & ~table.fake, judged & table.fake
    area = None
    if min(real.sum(), fake.sum()) >= FEWEST:
        area = evaluate.auroc(table.fake[judged], table.score[judged])
    return Person(
        name, int(real.sum()), int((alarm & real).sum()), int(table.fake.sum()), int((alarm & fake).sum()), area
    )
