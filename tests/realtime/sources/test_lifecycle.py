"""The states of a source, its stamps and its pace, with a source that grabs from a list."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from unmask.engines.errors import SourceError
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.latest import LatestReader
from unmask.realtime.sources.lifecycle import Pacer, SourceBase, State
from unmask.realtime.types import Frame


class Listed(SourceBase):
    def __init__(self, steps: list[object]) -> None:
        super().__init__("listed")
        self.steps = steps
        self.frees = 0
        self.fail_open = False

    def _open(self) -> SourceInfo:
        if self.fail_open:
            raise SourceError("no")
        self.left = list(self.steps)
        return SourceInfo("listed", "test", "", True, 4, 4)

    def _grab(self) -> Frame | None:
        if not self.left:
            return None
        step = self.left.pop(0)
        if isinstance(step, Exception):
            raise step
        if callable(step):
            step()
        return self._frame(np.zeros((4, 4, 3), np.uint8), time.monotonic_ns())

    def _free(self) -> None:
        self.frees += 1


def test_frames_are_numbered_stamped_and_read_only():
    source = Listed([1, 2])
    source.open()
    first, second = source.read(), source.read()
    assert (first.index, second.index) == (0, 1)
    assert 0 <= first.time_s <= second.time_s
    assert first.captured_at <= second.captured_at
    with pytest.raises(ValueError, match="read-only"):
        first.image[0, 0, 0] = 1
    assert source.read() is None
    assert source.state is State.CLOSED


def test_numbers_and_clock_run_on_over_a_reconnect():
    source = Listed([1, SourceError("gone", retryable=True)])
    source.open()
    before = source.read()
    with pytest.raises(SourceError) as caught:
        source.read()
    assert caught.value.retryable
    assert source.state is State.FAILED
    assert source.read() is None
    source.open()
    after = source.read()
    assert after.index == before.index + 1
    assert after.time_s > before.time_s


def test_a_failed_open_frees_and_may_be_repeated():
    source = Listed([1])
    source.fail_open = True
    with pytest.raises(SourceError):
        source.open()
    assert source.frees == 1
    source.fail_open = False
    assert source.open().kind == "test"
    with pytest.raises(SourceError, match="open already"):
        source.open()


def test_close_is_harmless_twice_and_frees_once():
    source = Listed([1])
    source.close()
    source.open()
    source.close()
    source.close()
    assert source.frees == 1
    assert source.read() is None


def test_close_during_a_grab_leaves_the_freeing_to_the_reader():
    grabbing, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        grabbing.set()
        go_on.wait(10)

    source = Listed([slow])
    source.open()
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read()))
    reader.start()
    assert grabbing.wait(10)
    source.close()
    assert source.frees == 0
    go_on.set()
    reader.join(10)
    assert got == [None]
    assert source.frees == 1


def test_what_fails_because_it_was_closed_is_an_end_and_no_error():
    source = Listed([])
    source.open()

    def cut_off() -> None:
        source._stop.set()  # close() sets it first, and then waits for the grab
        raise SourceError("the connection is gone", retryable=True)

    source.left = [cut_off]
    assert source.read() is None
    assert source.frees == 1


class FakeClock:
    """A clock and a stop event in one: waiting moves the time."""

    now = 0.0
    closed = False

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += 0.0 if self.closed else seconds
        return self.closed

    def is_set(self) -> bool:
        return self.closed


def test_pacer_keeps_the_rate_and_does_not_burst(monkeypatch):
    clock = FakeClock()
    monkeypatch.setattr("unmask.realtime.sources.lifecycle.time", clock)
    pacer = Pacer(10.0, clock)
    grabs = []
    for work in (0.0, 0.03, 0.25, 0.0, 0.0):
        assert pacer.wait()
        grabs.append(clock.now)
        clock.now += work
    # On the beat despite the work; after a grab that took too long the beat starts anew, without a burst.
    assert grabs == pytest.approx([0.0, 0.1, 0.2, 0.45, 0.55])
    clock.closed = True
    assert not pacer.wait()


class Counting:
    """Hands out 0, 1, 2, ... up to ``count``, as fast as it is asked to."""

    def __init__(self, count: int, live: bool) -> None:
        self.live = live
        self.count = count
        self.next = 0
        self.freed = threading.Event()

    def grab(self) -> tuple[int, int] | None:
        if self.next == self.count:
            return None
        self.next += 1
        return self.next - 1, 0

    def free(self) -> None:
        self.freed.set()


def test_a_live_reader_gives_the_newest_and_counts_the_rest():
    device = Counting(100, live=True)
    reader = LatestReader("test", lambda: device)
    assert reader.start(10) is device
    assert device.freed.wait(10)
    assert reader.take(10) == (99, 0)
    assert reader.dropped == 99
    assert [reader.newly_dropped(), reader.newly_dropped()] == [99, 0]
    assert reader.take(10) is None


def test_a_finite_reader_drops_nothing():
    reader = LatestReader("test", lambda: Counting(50, live=False))
    reader.start(10)
    taken = []
    while (item := reader.take(10)) is not None:
        taken.append(item[0])
    assert taken == list(range(50))
    assert reader.dropped == 0


def test_stop_ends_a_wait_and_frees_the_device():
    class Silent(Counting):
        def grab(self) -> tuple[int, int] | None:
            self.freed.wait(0.1)
            return super().grab()

    device = Silent(10**9, live=False)
    reader = LatestReader("test", lambda: device)
    reader.start(10)
    reader.stop()
    assert reader.take(10) is None
    assert device.freed.wait(10)


def test_the_openers_error_reaches_the_caller():
    def refuse() -> Counting:
        raise SourceError("busy", retryable=True)

    with pytest.raises(SourceError, match="busy"):
        LatestReader("test", refuse).start(10)


def test_a_silent_device_is_a_timeout():
    hold = threading.Event()

    class Stuck(Counting):
        def grab(self) -> tuple[int, int] | None:
            hold.wait(10)
            return None

    reader = LatestReader("test", lambda: Stuck(1, live=True))
    reader.start(10)
    with pytest.raises(TimeoutError):
        reader.take(0.05)
    reader.signal()
    hold.set()
