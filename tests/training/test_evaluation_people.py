"""People, thresholds and recordings of an evaluation, against values worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unmask.training.evaluation.measures import Table
from unmask.training.evaluation.operating import operating_points
from unmask.training.evaluation.passes import Watched
from unmask.training.evaluation.people import people_of
from unmask.training.evaluation.recordings import evidence_of, recording_row
from unmask.training.evaluation.samples import MediaItem
from unmask.training.prepare.items import SourceItem


def test_who_is_alarmed_about_and_who_is_told_apart_worst() -> None:
    fake = np.tile([True] * 5 + [False] * 5, 4)
    group = np.repeat(["a", "b", "c", "d"], 10)
    good = [0.9] * 5 + [0.1] * 5
    turned = [0.1] * 5 + [0.9, 0.9, 0.9, 0.2, 0.2]
    mixed = [0.9] * 5 + [0.9, 0.1, 0.1, 0.1, np.nan]
    found = people_of(Table.of(fake, [*good, *turned, *good, *mixed], group), 0.5)
    assert found is not None
    # d has only four judged genuine rows: too few for an AUROC of its own.
    assert (found.ranked, found.lowest, found.middle) == (3, 0.0, 1.0)
    assert (found.genuine, found.alarmed, found.false_positives, found.first_three) == (4, 2, 4, None)
    first, second = found.worst[:2]
    assert (first.group, first.false_positives, first.genuine, first.found, first.auroc) == ("b", 3, 5, 0, 0.0)
    assert (second.group, second.false_positives, second.genuine, second.auroc) == ("d", 1, 4, None)
    assert [one.group for one in found.worst[2:]] == ["a", "c"]


def test_a_few_people_may_have_most_of_the_false_positives() -> None:
    counts = {"a": 4, "b": 3, "c": 2, "d": 1}
    score = [0.9 if place < counts[name] else 0.1 for name in counts for place in range(6)]
    found = people_of(Table.of([0] * 24, score, np.repeat(list(counts), 6)), 0.5)
    assert found is not None
    assert (found.alarmed, found.false_positives, found.first_three) == (4, 10, 0.9)
    assert (found.ranked, found.lowest) == (0, None)


def test_groups_of_single_videos_tell_nothing_more() -> None:
    assert people_of(Table.of([1, 0] * 4, [0.5] * 8, [f"g{n}" for n in range(8)]), 0.5) is None
    assert people_of(Table.of([1, 0] * 4, [0.5] * 8, ["one"] * 8), 0.5) is None


def test_every_threshold_of_the_package_is_an_operating_point() -> None:
    table = Table.of([1, 1, 1, 1, 0, 0, 0, 0], [0.95, 0.8, 0.6, 0.2, 0.7, 0.3, 0.2, 0.1], list("aabbccdd"))
    points = operating_points(table, [(0.1, 0.9), (1.0, 0.65)], rounds=20)
    assert [(point.alarms_per_hour, point.score) for point in points] == [(1.0, 0.65), (0.1, 0.9)]
    assert [point.videos["recall"].value for point in points] == [0.5, 0.25]
    assert [point.videos["fpr"].value for point in points] == [0.25, 0.0]


def item(name: str, fake: bool) -> MediaItem:
    return MediaItem(SourceItem(Path(name), name, "video", fake, "plain"), name)


def test_a_line_of_recordings_tells_alarms_and_evidence() -> None:
    seen = [
        (item("f", True), Watched(0.9, (), (0.8, 0.9), 2, 60.0, (3.0,))),
        (item("r1", False), Watched(0.3, (), (0.1, 0.3), 2, 60.0)),
        (item("r2", False), Watched(0.7, (), (0.5, 0.7), 2, 60.0, (9.0,))),
        (item("r3", False), Watched(None, ("dark",), (), 2, 60.0)),
    ]
    row = recording_row("360p", "scaled down", seen, 0.6, rounds=10)
    assert row.alarms is not None
    assert (row.alarms.alarms, row.alarms.recordings) == (1, 3)
    assert row.numbers["fpr"].value == 0.5
    assert row.numbers["coverage"].value == 0.75
    assert row.genuine is not None
    assert (row.genuine.recordings, row.genuine.judged, row.genuine.moments) == (3, 2, 4)
    assert row.genuine.median == pytest.approx(0.4)
    assert row.genuine.highest == 0.7
    assert row.manipulated is not None
    assert row.manipulated.highest == 0.9
    assert evidence_of([]) is None
