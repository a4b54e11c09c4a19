"""Time to detect, false alarms and speed, against values worked out by hand."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest

from unmask.training.evaluation.passes import Watched
from unmask.training.evaluation.samples import MediaItem
from unmask.training.evaluation.timing import detection_times, false_alarms, measure_speed
from unmask.training.prepare.items import SourceItem


def item(name: str, fake: bool, kind: str = "video") -> MediaItem:
    return MediaItem(SourceItem(Path(name), name, kind, fake, "plain"), name)  # type: ignore[arg-type]


def watched(*alarms_s: float, seconds: float = 60.0, whole: bool = True) -> Watched:
    return Watched(0.9, (), (0.9,), 1, seconds, alarms_s, whole)


def test_the_first_alarm_counts_and_misses_stay_in() -> None:
    seen = [(item(f"f{n}", True), watched(*alarms)) for n, alarms in enumerate([(3.0, 9.0), (12.0,), (20.0,), ()])]
    seen += [(item("r", False), watched(1.0))]
    found = detection_times(seen, rounds=200)
    assert found is not None
    assert (found.recordings, found.noticed) == (4, 3)
    assert found.median_s.value == 12.0
    assert found.p90_s.value is None
    assert [found.within[limit].value for limit in (5, 15, 30)] == [0.25, 0.5, 0.75]
    assert found.within[5].n == 4
    assert found.within[15].low is not None
    never = detection_times([(item(f"f{n}", True), watched()) for n in range(3)], rounds=20)
    assert never is not None
    assert never.within[30].high == pytest.approx(1 - 0.025 ** (1 / 3)), "three misses prove little"


def test_short_recordings_are_counted_as_such() -> None:
    seen = [(item("a", True), watched(2.0, seconds=4.0)), (item("b", True), watched(seconds=20.0))]
    found = detection_times(seen, rounds=20)
    assert found is not None
    assert dict(found.as_long) == {5: 1, 15: 1, 30: 0}


def test_stills_and_parts_tell_nothing_about_time() -> None:
    seen = [(item("a", True, "image"), watched()), (item("b", True), watched(1.0, whole=False))]
    assert detection_times(seen) is None
    assert false_alarms(seen) is None


def test_a_rate_comes_with_its_upper_bound() -> None:
    quiet = false_alarms([(item("a", False), watched(seconds=3600 * 30))])
    assert quiet is not None
    assert quiet.alarms == 0
    # The rule of three, exactly -ln(0.05): no alarm in 30 h proves at most 0.1 per hour.
    assert quiet.at_most == pytest.approx(-math.log(0.05) / 30)
    loud = false_alarms([(item("a", False), watched(1.0, 2.0, seconds=1800)), (item("f", True), watched(1.0))])
    assert loud is not None
    assert (loud.alarms, loud.per_hour) == (2, pytest.approx(4.0))
    assert loud.at_most is not None
    assert loud.at_most > 8.0


def test_nothing_watched_proves_nothing() -> None:
    found = false_alarms([(item("a", False), watched(seconds=0.0))])
    assert found is not None
    assert found.at_most is None
    assert false_alarms([(item("a", False), Watched(None, (), error="cut off"))]) is None


def test_speed_calls_one_crop_at_a_time() -> None:
    shapes: list[tuple[int, ...]] = []
    heads: list[int] = []

    def encode(crops: np.ndarray) -> None:
        shapes.append(crops.shape)
        time.sleep(0.002)

    found = measure_speed(encode, lambda: heads.append(1), 32, calls=10, warm_up=2)
    assert shapes == [(1, 32, 32, 3)] * 12
    assert len(heads) == 12
    assert found.calls == 10
    assert found.wall_ms >= 2.0
    assert found.crops_per_s == pytest.approx(1000 / found.wall_ms)
    assert found.cpu_ms < found.wall_ms
