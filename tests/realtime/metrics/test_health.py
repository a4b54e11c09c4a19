"""What is said of a monitor that does not fare well, against clocks that the test sets."""

from __future__ import annotations

from unmask.realtime.metrics.health import Bounds, Health, MachineClocks, Seen, Trouble
from unmask.realtime.types import Cause

QUICK = Bounds(age_p99_ms=100, dropped_share=0.5, settle_s=2.0, said_s=10.0, gap_s=2.0)


def watch(health, begin, end, step=0.5, source="cam", **seen):
    """Looks of one kind, every ``step`` seconds of both clocks."""
    at = begin
    while at <= end:
        health.look(source, at, Seen(time_s=at, index=round(at * 100), **seen))
        at += step


def test_a_monitor_that_fares_well_says_nothing():
    health = Health(QUICK)
    watch(health, 0, 20, age_p99_ms=30, dropped_share=0.1)
    assert health.remarks("cam", 20) == ()
    assert health.counts() == {}
    assert health.remarks("never seen", 0) == ()


def test_late_frames_are_said_once_they_stay_late_and_until_they_stay_young():
    health = Health(QUICK)
    watch(health, 0, 1, age_p99_ms=180)
    assert health.remarks("cam", 1) == (), "one bad second is no trouble"
    watch(health, 1.5, 3, age_p99_ms=181)
    assert "181 ms old" in health.remarks("cam", 3)[0]
    assert health.active("cam", 3) == {Trouble.LATE}
    watch(health, 3.5, 4, age_p99_ms=20)
    assert health.remarks("cam", 4), "nor does one good moment end it"
    watch(health, 4.5, 6, age_p99_ms=20)
    assert health.remarks("cam", 6) == ()
    watch(health, 6.5, 10, age_p99_ms=300)
    assert health.counts() == {("cam", Trouble.LATE): 2}


def test_a_flickering_trouble_never_begins():
    health = Health(QUICK)
    for at in range(40):
        watch(health, at, at, age_p99_ms=200 if at % 2 else 20)
    assert health.counts() == {}


def test_drops_are_said_by_their_share():
    health = Health(QUICK)
    watch(health, 0, 3, dropped_share=0.8)
    assert health.remarks("cam", 3) == ("80% of the frames are dropped: the verdict rests on the rest.",)


def test_a_file_that_waits_is_never_late():
    health = Health(QUICK)
    watch(health, 0, 10, age_p99_ms=None, dropped_share=None)
    assert health.remarks("cam", 10) == ()


def test_time_that_goes_back_is_counted_each_time_and_said_for_a_while():
    health = Health(QUICK)
    for index, time_s in enumerate([5.0, 5.1, 1.0, 1.1, 0.5]):
        health.look("cam", index / 10, Seen(time_s, index))
    assert health.counts() == {("cam", Trouble.TIME_BACK): 2}
    assert "went back by 0.6 s" in health.remarks("cam", 0.5)[0]
    assert health.remarks("cam", 10.5) == ()


def test_time_that_stands_still_is_said_until_it_moves():
    health = Health(QUICK)
    for index in range(60):
        health.look("cam", index / 10, Seen(7.0, index))
    assert "stands still" in health.remarks("cam", 6)[0]
    for index in range(60, 100):
        health.look("cam", index / 10, Seen(index / 10 + 5, index))
    assert health.remarks("cam", 10) == ()
    assert health.counts() == {("cam", Trouble.TIME_STUCK): 1}


def test_the_same_frame_seen_again_is_no_standing_clock():
    health = Health(QUICK)
    for at in range(20):
        health.look("cam", float(at), Seen(7.0, 3))
    assert health.counts() == {}


def test_a_source_that_was_opened_anew_may_begin_anywhere():
    health = Health(QUICK)
    watch(health, 5, 10, age_p99_ms=300)
    health.forget_time("cam")
    health.look("cam", 11, Seen(0.0, 0))
    assert health.remarks("cam", 11) == ()
    assert health.counts() == {("cam", Trouble.LATE): 1}


def test_black_and_frozen_pictures_are_counted_when_they_begin():
    health = Health(QUICK)
    watch(health, 0, 3, causes=(Cause.PICTURE_BLACK,))
    watch(health, 4, 5)
    watch(health, 6, 7, causes=(Cause.PICTURE_BLACK, Cause.PICTURE_FROZEN))
    assert health.counts() == {("cam", Trouble.BLACK): 2, ("cam", Trouble.FROZEN): 1}
    assert health.remarks("cam", 7) == (), "the verdict says it already"


def test_sleep_shows_between_the_monotonic_and_the_boot_clock():
    health = Health(QUICK)
    health.tick(MachineClocks(100, 1_000_000, 200))
    health.tick(MachineClocks(101, 1_000_001, 201))
    health.tick(MachineClocks(102, 1_003_602, 3802))
    assert health.remarks("cam", 102) == ("The machine slept for 3600 s: nothing was watched meanwhile.",)
    assert health.counts() == {("", Trouble.SLEPT): 1}, "and no clock was set"
    assert health.remarks("cam", 113) == ()


def test_a_clock_that_was_set_is_told_from_sleep():
    health = Health(QUICK)
    health.tick(MachineClocks(100, 1_000_000, 200))
    health.tick(MachineClocks(101, 996_401, 201))
    assert "set back by 3600 s" in health.remarks("cam", 101)[0]
    assert health.counts() == {("", Trouble.CLOCK_SET): 1}


def test_without_a_boot_clock_both_are_named():
    health = Health(QUICK)
    health.tick(MachineClocks(100, 1_000_000, None))
    health.tick(MachineClocks(101, 1_000_601, None))
    assert "set forward by 600 s or the machine slept" in health.remarks("cam", 101)[0]


def test_a_slow_look_is_neither():
    health = Health(QUICK)
    health.tick(MachineClocks(100, 1_000_000, 200))
    health.tick(MachineClocks(160, 1_000_060.4, 260))
    assert health.counts() == {}
