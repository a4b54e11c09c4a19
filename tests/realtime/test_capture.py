from __future__ import annotations

import threading
import time

import pytest
from fakes import ScriptedSource, picture

from unmask.engines.errors import SourceError
from unmask.realtime.capture import FRAME_SLOT, Capture, ReconnectPolicy
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.source_status import SourceStatus
from unmask.realtime.types import Frame, SourceState

QUICK = ReconnectPolicy(first_wait_s=0.01, longest_wait_s=0.02, give_up_after_s=0.3)
PICTURE = picture()


def run_capture(sources, *, pace=False, policy=QUICK, slow_taker=0.0):
    """Run a capture over ``sources`` (one per opening) to its end; the frames taken, and the status."""
    left = iter(sources)
    status, mailbox, stop = SourceStatus("fake"), Mailbox[str, Frame](), threading.Event()
    capture = Capture(lambda: next(left), status, mailbox, stop, pace=pace, policy=policy)
    thread = threading.Thread(target=capture.run)
    thread.start()
    frames = []
    while (taken := mailbox.take()) is not None:
        frames.append(taken[FRAME_SLOT])
        time.sleep(slow_taker)
    thread.join(5)
    assert not thread.is_alive()
    return frames, status.view()


def test_a_file_waits_for_a_slow_taker_and_loses_nothing():
    frames, view = run_capture([ScriptedSource([PICTURE] * 20)], slow_taker=0.002)
    assert [frame.index for frame in frames] == list(range(20))
    assert view.state is SourceState.ENDED
    assert view.counters.captured == 20
    assert view.counters.dropped == {}


def test_a_live_source_never_waits_and_counts_what_it_drops():
    steps = [PICTURE, 0.001] * 40
    frames, view = run_capture([ScriptedSource([*steps, SourceError("no more")], live=True)], slow_taker=0.02)
    dropped = view.counters.dropped["detection busy"]
    assert dropped > 0
    assert len(frames) + dropped == view.counters.captured == 40


def test_a_live_source_that_dies_comes_back_and_its_timeline_goes_on():
    first = ScriptedSource([PICTURE, 0.02, PICTURE, SourceError("cable pulled", retryable=True)], live=True)
    second = ScriptedSource([PICTURE, 0.02, PICTURE, SourceError("gone for good")], live=True)
    frames, view = run_capture([first, second])
    assert view.counters.reconnects == 1
    assert view.state is SourceState.FAILED
    assert view.message == "gone for good"
    times = [frame.time_s for frame in frames]
    assert times == sorted(times)
    assert len(set(times)) == len(times) >= 3, "the second opening must not start at zero again"
    assert first.close_calls >= 1


def test_a_live_source_that_ends_is_opened_again_until_the_budget_is_spent():
    opened = []

    def sources():
        yield ScriptedSource([PICTURE], live=True)
        while True:
            opened.append(time.monotonic())
            yield ScriptedSource([], open_error=SourceError("refused", retryable=True), live=True)

    _, view = run_capture(sources())
    assert view.state is SourceState.FAILED
    assert view.message == "refused"
    assert len(opened) >= 3


def test_a_source_that_never_opened_fails_at_once():
    _, view = run_capture([ScriptedSource([], open_error=SourceError("no camera 7", retryable=True), live=True)])
    assert view.state is SourceState.FAILED
    assert view.message == "no camera 7"
    assert view.counters.reconnects == 0


def test_an_error_that_retrying_cannot_mend_ends_the_source():
    _, view = run_capture([ScriptedSource([PICTURE, SourceError("not a video")])])
    assert (view.state, view.message) == (SourceState.FAILED, "not a video")


def test_a_silent_live_source_is_opened_again_on_request():
    sources = iter([ScriptedSource([PICTURE], live=True, hang=True), ScriptedSource([PICTURE], live=True, hang=True)])
    status, mailbox, stop = SourceStatus("fake"), Mailbox[str, Frame](), threading.Event()
    capture = Capture(lambda: next(sources), status, mailbox, stop, policy=QUICK)
    thread = threading.Thread(target=capture.run)
    thread.start()
    assert mailbox.take(5)
    capture.restart()
    assert mailbox.take(5), "the second opening gives a frame"
    assert status.view().counters.reconnects == 1
    stop.set()
    capture.interrupt()
    thread.join(5)
    assert not thread.is_alive()


def test_a_paced_file_takes_its_own_time():
    frames, view = run_capture([ScriptedSource([PICTURE] * 6, fps=20.0)], pace=True)
    assert view.counters.captured == 6
    spent_s = (frames[-1].captured_at - frames[0].captured_at) / 1e9
    assert spent_s >= 0.9 * (frames[-1].time_s - frames[0].time_s)


@pytest.mark.parametrize("state", [SourceState.ENDED, SourceState.FAILED])
def test_what_is_over_stays_over(state):
    status = SourceStatus("fake")
    assert status.move(state)
    assert not status.move(SourceState.RUNNING)
    status.frame_captured(1)
    assert status.view().state is state


def test_a_finite_source_that_breaks_off_is_not_begun_again():
    broke = SourceError("broke off after 12 s of 60 s; try again.", retryable=True)
    frames, view = run_capture([ScriptedSource([PICTURE] * 3 + [broke])])
    assert (view.state, view.message) == (SourceState.FAILED, str(broke))
    assert (len(frames), view.counters.reconnects) == (3, 0)


class Opening(ScriptedSource):
    """Hangs in ``open`` until it is closed, as a stream does that nobody answers."""

    def open(self):
        assert self._closed.wait(10)
        raise SourceError("closed while it was being opened; open it again.", retryable=True)


@pytest.mark.parametrize("source", [Opening([]), ScriptedSource([PICTURE], live=True, hang=True)])
def test_being_stopped_is_no_failure(source):
    status, mailbox, stop = SourceStatus("fake"), Mailbox[str, Frame](), threading.Event()
    capture = Capture(lambda: source, status, mailbox, stop, policy=QUICK)
    thread = threading.Thread(target=capture.run)
    thread.start()
    time.sleep(0.05)
    stop.set()
    mailbox.close()
    capture.interrupt()
    thread.join(5)
    assert not thread.is_alive()
    assert (status.view().state, status.view().message) == (SourceState.ENDED, "")


def test_a_file_that_is_stopped_has_dropped_nothing():
    status, mailbox, stop = SourceStatus("fake"), Mailbox[str, Frame](), threading.Event()
    thread = threading.Thread(target=Capture(lambda: ScriptedSource([PICTURE] * 9), status, mailbox, stop).run)
    thread.start()
    time.sleep(0.05)
    stop.set()
    mailbox.close()
    thread.join(5)
    assert status.view().counters.dropped == {}


def test_a_driver_that_fails_on_closing_spoils_no_stop():
    class Broken(ScriptedSource):
        def close(self):
            super().close()
            raise OSError("the driver is gone")

    stop = threading.Event()
    capture = Capture(lambda: Broken([PICTURE], live=True, hang=True), SourceStatus("fake"), Mailbox(), stop)

    def run():
        with pytest.raises(OSError, match="driver"):
            capture.run()

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.05)
    stop.set()
    capture.interrupt()
    thread.join(5)
    assert not thread.is_alive()


def test_a_source_that_opens_but_shows_nothing_is_tried_again_whatever_the_uptime():
    nothing = SourceError("sent no picture", retryable=True)
    left = iter([ScriptedSource([nothing], live=True), ScriptedSource([PICTURE, SourceError("over")], live=True)])
    frames, view = run_capture(left)
    assert (len(frames), view.counters.reconnects, view.message) == (1, 1, "over")
