"""Training, validation and test sets that share no person."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from unmask.engines.errors import UsageError
from unmask.training.prepare.identities import group_of, people_of
from unmask.training.prepare.items import SPLITS, Skipped, SourceItem, Split

# Groups are not cut, so a set may end up larger than asked: by this factor, and not beyond.
_OVERSHOOT = 1.5


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """``val`` and ``test``: shares of the items, 0..1, drawn with ``seed`` where the data set prescribes no
    such set. ``official`` false ignores what it prescribes. ``drop_crossing`` draws single people instead
    of groups and leaves out the items whose people fall into different sets.
    """

    val: float = 0.1
    test: float = 0.1
    seed: int = 0
    official: bool = True
    drop_crossing: bool = False

    def __post_init__(self) -> None:
        if self.val < 0 or self.test < 0 or self.val + self.test >= 1:
            raise UsageError("--val and --test are shares from 0 that leave something to train on, as in 0.1.")


@dataclass(frozen=True, slots=True)
class Assignment:
    """``split_of`` and ``group_of`` by ``source`` for ``items``; what was left out; sentences for the report."""

    items: tuple[SourceItem, ...]
    split_of: Mapping[str, Split]
    group_of: Mapping[str, str]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def assign_splits(items: Sequence[SourceItem], settings: SplitSettings) -> Assignment:
    """Raises ``UsageError`` where a set that was asked for would lack a label that the data has."""
    if not settings.official:
        items = [replace(item, official=None) for item in items]
    notes = _notes(items)
    fixed: dict[str, Split] = {item.source: item.official for item in items if item.official}
    rest = [item for item in items if not item.official]
    skipped: list[Skipped] = []
    if settings.drop_crossing:
        drawn, crossing = _draw_people(rest, _wanted(settings, fixed))
        skipped = [Skipped(item.source, "crosses", "Its people fell into different sets.") for item in crossing]
        items = [item for item in items if item.source in fixed or item.source in drawn]
    else:
        drawn = _draw_groups(rest, group_of(items), _wanted(settings, fixed))
    split_of = fixed | drawn
    _check_labels(items, split_of, settings)
    notes += _overlaps(items, split_of)
    # A person may be in official sets more than once; intervals must still take them as one.
    return Assignment(tuple(items), split_of, group_of(items), tuple(skipped), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Wanted:
    shares: tuple[tuple[Split, float], ...]
    seed: int


def _wanted(settings: SplitSettings, fixed: Mapping[str, Split]) -> _Wanted:
    """The sets to draw: those that are not prescribed."""
    prescribed = set(fixed.values())
    shares: dict[Split, float] = {"val": settings.val, "test": settings.test}
    wanted: list[tuple[Split, float]] = [
        (split, share) for split, share in shares.items() if share > 0 and split not in prescribed
    ]
    return _Wanted(tuple(wanted), settings.seed)


def _draw_groups(items: Sequence[SourceItem], groups: Mapping[str, str], wanted: _Wanted) -> dict[str, Split]:
    """Whole groups, drawn apart among those of real, of fake and of both kinds, so that each set has each."""
    members: dict[str, list[SourceItem]] = defaultdict(list)
    for item in items:
        members[groups[item.source]].append(item)
    strata: dict[frozenset[bool], dict[str, int]] = defaultdict(dict)
    for name, own in members.items():
        strata[frozenset(item.fake for item in own)][name] = len(own)
    split_of_group: dict[str, Split] = {}
    for kinds in sorted(strata, key=sorted):
        split_of_group |= _draw(strata[kinds], wanted)
    return {item.source: split_of_group.get(groups[item.source], "train") for item in items}


def _draw_people(items: Sequence[SourceItem], wanted: _Wanted) -> tuple[dict[str, Split], list[SourceItem]]:
    """Single people, weighted by the items they are in; and the items that cross."""
    weights = Counter(person for item in items for person in people_of(item))
    split_of_person = _draw(weights, wanted)
    split_of: dict[str, Split] = {}
    crossing: list[SourceItem] = []
    for item in items:
        splits: set[Split] = {split_of_person.get(person, "train") for person in people_of(item)}
        if len(splits) > 1:
            crossing.append(item)
        else:
            split_of[item.source] = splits.pop()
    return split_of, crossing


def _draw(sizes: Mapping[str, int], wanted: _Wanted) -> dict[str, Split]:
    """Names to sets until each has its share of ``sizes``; a name that is too large for a set is passed over."""
    total = sum(sizes.values())
    names = sorted(sizes)
    order = [names[int(place)] for place in np.random.default_rng(wanted.seed).permutation(len(names))]
    split_of: dict[str, Split] = {}
    for split, share in wanted.shares:
        held = 0
        # Of few people the first drawn may be more than the share; one must stay to train on.
        most = max(_OVERSHOOT * share * total, min(sizes.values()) if len(sizes) > len(wanted.shares) else 0)
        for name in order:
            if held >= share * total:
                break
            if name not in split_of and held + sizes[name] <= most:
                split_of[name] = split
                held += sizes[name]
    return split_of


def _check_labels(items: Sequence[SourceItem], split_of: Mapping[str, Split], settings: SplitSettings) -> None:
    labels = {item.label for item in items}
    asked: dict[Split, float] = {"val": settings.val, "test": settings.test, "train": 1.0}
    for split in SPLITS:
        if not asked[split]:
            continue
        there = {item.label for item in items if split_of[item.source] == split}
        lacking = sorted(labels - there)
        if lacking:
            raise UsageError(
                f"The {split} set would have no {lacking[0]} item, because too much shares the same people: try "
                f"--drop-crossing, other shares, or {'fewer sets' if split == 'train' else f'--{split} 0'}."
            )


def _notes(items: Sequence[SourceItem]) -> list[str]:
    unknown = sum(not item.people for item in items)
    if not unknown:
        return []
    return [
        f"Nobody is known in {unknown} of {len(items)} files, so each of them counts as a person: the same person "
        "may be in several sets; give --identities if you know better."
    ]


def _overlaps(items: Iterable[SourceItem], split_of: Mapping[str, Split]) -> list[str]:
    """What prescribed sets may do: put one person into two of them."""
    where: dict[str, set[Split]] = defaultdict(set)
    for item in items:
        for person in people_of(item):
            where[person].add(split_of[item.source])
    crossing = sum(len(splits) > 1 for splits in where.values())
    if not crossing:
        return []
    return [
        f"{crossing} of {len(where)} people are in more than one set, as the data set prescribes: results on it are "
        "not about unknown people; --splits identity draws sets without that."
    ]
