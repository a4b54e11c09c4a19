"""The collector: which stage a nanosecond belongs to, what is recent, what it tells of troubles."""

from __future__ import annotations

import dataclasses
import json

import pytest
from updates import face_state, update

from unmask.realtime.metrics.clocks import Flow, spent_in
from unmask.realtime.metrics.collector import MetricsCollector, read_machine_clocks
from unmask.realtime.metrics.health import Bounds, MachineClocks, Trouble
from unmask.realtime.metrics.process import ProcessMeter
from unmask.realtime.metrics.words import record, spread_words, summary_lines, trouble_line
from unmask.realtime.types import Cause, Counters, Event, SourceState, StageTimes

MS = 1_000_000


class Hand:
    """A clock that the test sets."""

    def __init__(self):
        self.now_s, self.slept_s = 100.0, 0.0

    def monotonic(self):
        return self.now_s

    def machine(self):
        return MachineClocks(self.now_s, 1e6 + self.now_s + self.slept_s, self.now_s + self.slept_s)


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def collector(hand):
    made = MetricsCollector(Bounds(age_p99_ms=100), monotonic_s=hand.monotonic, machine=hand.machine)
    made.attach(lambda: Flow({("detection", "fake"): 1}, {"VideoSink": 3}, frozenset({"fake"})))
    return made


def stamped(sequence, age_ms=12.0, time_s=None, **changes):
    at = 10**9
    stages = StageTimes(
        captured=at,
        taken=at + 1 * MS,
        detected=at + 5 * MS,
        tracked=at + 6 * MS,
        cropped=at + 7 * MS,
        scored=at + 11 * MS,
        published=at + int(age_ms * MS),
    )
    one = update(sequence / 10 if time_s is None else time_s, face_state(), sequence=sequence)
    return dataclasses.replace(one, stages=stages, **changes)


def feed(collector, hand, begin, end, step=0.1, **changes):
    for number in range(begin, end):
        hand.now_s += step
        collector.take(stamped(number, **changes))


def test_each_nanosecond_belongs_to_one_stage():
    stages = StageTimes(0 + 5, 10, 30, 31, 35, 40, 60, 61, 70)
    spent = dict(spent_in(stages))
    assert spent == {
        "wait": 5,
        "detect": 20,
        "track": 1,
        "crop": 4,
        "queue": 5,
        "encode": 20,
        "score": 1,
        "publish": 9,
    }
    assert sum(spent.values()) == stages.published - stages.captured


def test_a_stage_that_was_skipped_is_part_of_the_next():
    spent = dict(spent_in(StageTimes(captured=5, taken=10, tracked=31, cropped=35, scored=61, published=70)))
    assert spent == {"wait": 5, "track": 21, "crop": 4, "score": 26, "publish": 9}


def test_stages_and_age_are_counted_once_per_frame(collector, hand):
    feed(collector, hand, 1, 11)
    collector.take(stamped(10, state=SourceState.ENDED))
    source = collector.clocks().sources["fake"]
    assert source.clocks["detect"].total.count == 10
    assert source.clocks["detect"].total.quantile_ms(0.5) == pytest.approx(4, rel=0.13)
    assert source.clocks["age"].total.longest_ms == 12.0
    assert "paint" not in source.clocks
    assert source.standing.state is SourceState.ENDED


def test_an_update_without_a_frame_counts_no_stage(collector):
    collector.take(dataclasses.replace(update(state=SourceState.STALLED), stages=None, frame=None))
    source = collector.clocks().sources["fake"]
    assert source.clocks == {}
    assert source.standing.state is SourceState.STALLED


def test_the_window_reports_its_painting(collector, hand):
    collector.painted("fake", 2 * MS, 40 * MS)
    collector.painted("fake", 2 * MS, None)
    clocks = collector.clocks().sources["fake"].clocks
    assert (clocks["paint"].total.count, clocks["paint_age"].total.count) == (2, 1)


def test_recent_forgets_what_total_keeps(collector, hand):
    feed(collector, hand, 1, 100, age_ms=90)
    feed(collector, hand, 100, 300, age_ms=20)
    age = collector.clocks().sources["fake"].clocks["age"]
    assert age.total.quantile_ms(0.99) == pytest.approx(90, rel=0.13)
    assert age.recent.quantile_ms(0.99) == pytest.approx(20, rel=0.13)
    assert 95 <= age.recent.count <= 125


def test_the_snapshot_is_held_for_a_moment(collector, hand):
    feed(collector, hand, 1, 2)
    first = collector.clocks()
    hand.now_s += 0.1
    assert collector.clocks() is first
    hand.now_s += 0.2
    assert collector.clocks() is not first


def test_no_picture_is_kept(collector, hand):
    import gc
    import weakref

    one = stamped(1)
    image = weakref.ref(one.frame.image)
    collector.take(one)
    held = collector.clocks()
    del one
    gc.collect()
    assert image() is None
    assert held.sources


def test_alarms_are_counted_when_they_begin(collector, hand):
    first, second = Event(1, 2.0, None, 0.8), Event(2, 5.0, None, 0.9)
    collector.take(stamped(1, events=(first,)))
    collector.take(stamped(2, events=(dataclasses.replace(first, end_s=4.0),)))
    collector.take(stamped(3, events=(first, second)))
    collector.take(stamped(4, events=(second,)))
    hand.now_s += 1
    assert collector.clocks().sources["fake"].alarms == 2


def test_late_frames_and_drops_are_remarked_of_a_real_time_source(collector, hand):
    feed(collector, hand, 1, 80, age_ms=300)
    source = collector.clocks().sources["fake"]
    assert source.troubles == {Trouble.LATE}
    assert "close other programs" in source.remarks[0]
    for number in range(80, 240):
        hand.now_s += 0.1
        counters = Counters(captured=number * 10, dropped={"detection busy": number * 9})
        collector.take(stamped(number, counters=counters))
    assert collector.clocks().sources["fake"].troubles == {Trouble.DROPPING}
    assert collector.clocks().trouble_counts == {("fake", Trouble.LATE): 1, ("fake", Trouble.DROPPING): 1}


def test_a_source_that_waits_is_not_late(collector, hand):
    collector.attach(Flow)
    feed(collector, hand, 1, 80, age_ms=900)
    assert collector.clocks().trouble_counts == {}


def test_sleep_clock_jumps_and_black_pictures_are_counted(collector, hand):
    feed(collector, hand, 1, 30)
    hand.slept_s = 60.0
    feed(collector, hand, 30, 50)
    assert "slept for 60 s" in collector.clocks().sources["fake"].remarks[0]
    collector.take(stamped(50, time_s=0.5))
    feed(collector, hand, 51, 53, causes=(Cause.PICTURE_BLACK,), time_s=9.0)
    hand.now_s += 1
    counts = collector.clocks().trouble_counts
    assert counts == {("", Trouble.SLEPT): 1, ("fake", Trouble.TIME_BACK): 1, ("fake", Trouble.BLACK): 1}
    assert "1 x slept" in trouble_line(collector.clocks())


def test_a_record_is_small_json(collector, hand):
    feed(collector, hand, 1, 30)
    collector.painted("fake", 2 * MS, 40 * MS)
    said = record(collector.clocks(), "fake")
    assert said["age"]["p50_ms"] == pytest.approx(12, rel=0.13)
    assert set(said["stages"]) == {"wait", "detect", "track", "crop", "score", "publish", "paint"}
    assert said["queues"] == {"detection": 1}
    assert len(json.dumps(said)) < 800
    assert record(collector.clocks(), "another") is None


def test_the_summary_names_age_and_stages(collector, hand):
    feed(collector, hand, 1, 30)
    lines = summary_lines(collector.clocks().sources["fake"])
    assert lines[0].startswith("  frame age p50 12 ms, p99 12 ms, longest 12 ms")
    assert "detect 4.0" in lines[1]
    assert spread_words(collector.clocks().sources["fake"].recent("paint")) == ""


def test_cores_are_processor_seconds_over_wall_seconds():
    meter = ProcessMeter()
    meter._samples.clear()
    for second in range(30):
        meter.note(1000.0 + second, 5.0 + (second * 0.1 if second < 15 else 1.5 + (second - 15) * 0.5))
    assert meter.cores() == pytest.approx(0.5)


def test_this_process_is_measured():
    view = ProcessMeter().view()
    assert view.cpu_s > 0
    assert view.threads >= 1
    assert view.rss_bytes is None or view.rss_bytes > 10 * 2**20
    assert view.handles is None or view.handles >= 3
    assert read_machine_clocks().wall_s > 1e9


def test_a_sink_that_stops_is_told_with_every_source_until_the_end_and_counted_once(collector, hand):
    feed(collector, hand, 1, 30)
    assert collector.clocks().sources["fake"].troubles == frozenset()
    failures = ("VideoSink stopped: the disk is full",)
    collector.attach(lambda: Flow(sink_dropped={"VideoSink": 3}, sink_failures=failures))
    feed(collector, hand, 30, 60)
    hand.now_s += 1000
    told = collector.clocks()
    assert told.sources["fake"].troubles == {Trouble.SINK_FAILED}
    assert told.sources["fake"].remarks == ("VideoSink stopped: the disk is full.",)
    assert told.trouble_counts["", Trouble.SINK_FAILED] == 1
    assert trouble_line(told) == "Troubles of the monitor: 1 x sink failed, VideoSink was too slow for 3 updates"
