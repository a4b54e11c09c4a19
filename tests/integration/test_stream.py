"""A live source that dies, or falls silent, and comes back: a whole session over the loopback."""

from __future__ import annotations

import contextlib
import functools
import time
from itertools import pairwise

import pytest
from live_senders import UdpSender, free_udp_port, jpegs, web_camera

from unmask.realtime.session import Session, SourcePlan
from unmask.realtime.sources.registry import SourceOptions, make_source
from unmask.realtime.types import Cause, SourceState, Verdict

AWAY = (SourceState.STALLED, SourceState.RECONNECTING, SourceState.OPENING)


@pytest.fixture
def watched(detector, new_finder, recorder):
    """A maker of sessions that watch an address, as `unmask watch` would, with ``recorder`` for a sink."""

    def watch(address):
        make = functools.partial(make_source, address, SourceOptions())
        return Session([SourcePlan("live", make, new_finder())], detector, sinks=[recorder])

    return watch


def follows(session, count=2):
    """Whether ``count`` faces are in sight and one of them was judged, in a source that runs."""
    update = session.updates().get("live")
    return (
        update is not None
        and update.state is SourceState.RUNNING
        and sum(face.track.detected for face in update.faces) == count
        and update.verdict is not Verdict.CANNOT_JUDGE
    )


def state_of(session):
    return session.channels[0].status.view().state


def stretches(updates):
    """The updates, split before, while and after the source was away."""
    away = [number for number, update in enumerate(updates) if update.state in AWAY and update.frame is not None]
    assert away, "the interruption was shown to nobody"
    return updates[: away[0]], updates[away[0] : away[-1] + 1], updates[away[-1] + 1 :]


def tracks(updates):
    return {face.track.track_id for update in updates for face in update.faces if face.track.detected}


def check_interruption(updates):
    """What holds however a source went away and came back."""
    before, away, after = stretches(updates)
    assert {update.state for update in before[-3:]} == {SourceState.RUNNING}
    assert {update.state for update in after} == {SourceState.RUNNING}
    for update in away:
        if update.state is not SourceState.RUNNING:
            assert (update.verdict, update.causes) == (Verdict.CANNOT_JUDGE, (Cause.SOURCE_STALLED,))
            assert update.faces == ()
            assert update.score is None
            assert update.message or update.state is SourceState.OPENING
    frames = [update.frame for update in updates if update.frame is not None]
    assert all(first.time_s <= second.time_s for first, second in pairwise(frames)), "time went back"
    assert all(first.captured_at <= second.captured_at for first, second in pairwise(frames))
    assert len(tracks(before)) == len(tracks(after)) == 2
    assert tracks(before).isdisjoint(tracks(after)), "whoever sits there afterwards may be somebody else"
    alarms = [event for event in updates[-1].events if event.track_id in tracks(before)]
    assert alarms, "the toy calls these faces manipulated"
    assert all(event.end_s is not None for event in alarms), "an alarm outlives its face"


def stop_in_time(session):
    began = time.monotonic()
    assert session.stop() == []
    assert time.monotonic() - began < 1.5


@pytest.mark.usefixtures("no_leaks")
def test_a_web_camera_dies_and_comes_back(clip, watched, recorder, until):
    pictures = jpegs(clip.pictures[::2])
    with contextlib.ExitStack() as stack:
        with web_camera(pictures) as port:
            session = stack.enter_context(watched(f"http://127.0.0.1:{port}/live.mjpg"))
            until(lambda: follows(session), "two faces, one judged")
        until(lambda: state_of(session) is SourceState.RECONNECTING, "the loss was noticed")
        time.sleep(2)
        with web_camera(pictures, port):
            until(lambda: follows(session), "two faces again, one judged")
            seen = list(recorder.updates)
            stop_in_time(session)
    assert seen[-1].counters.reconnects >= 1
    assert SourceState.RECONNECTING in {update.state for update in seen}
    check_interruption(seen)


@pytest.mark.usefixtures("no_leaks")
def test_a_udp_stream_falls_silent_and_speaks_again(clip, watched, recorder, until):
    port = free_udp_port()
    with UdpSender(clip.path, port) as sender, watched(f"udp://127.0.0.1:{port}") as session:
        until(lambda: follows(session), "two faces, one judged")
        sender.silent.set()
        time.sleep(4)
        assert state_of(session) is SourceState.STALLED
        sender.silent.clear()
        until(lambda: follows(session), "two faces again, one judged")
        seen = list(recorder.updates)
        stop_in_time(session)
    assert SourceState.STALLED in {update.state for update in seen}
    check_interruption(seen)
