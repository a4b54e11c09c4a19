from __future__ import annotations

import threading

import pytest
from updates import update

from unmask.realtime.sinks.runner import BACKLOG, SinkRunner


class Gated:
    """A sink that takes nothing until its gate is open."""

    every_update = True

    def __init__(self):
        self.gate = threading.Event()
        self.taken = []

    def take(self, update):
        assert self.gate.wait(10)
        self.taken.append((update.source_id, update.sequence))

    def close(self): ...


@pytest.fixture
def sink():
    return Gated()


@pytest.fixture
def runner(sink):
    runner = SinkRunner(sink)
    runner.start()
    yield runner
    sink.gate.set()
    assert runner.stop(5) == []


def test_a_live_source_never_pushes_out_what_must_not_be_lost(runner, sink):
    for number in range(BACKLOG - 1):
        runner.put(update(sequence=number, source_id="file"), lossless=True)
    for number in range(50):
        runner.put(update(sequence=number, source_id="live"), lossless=False)
    sink.gate.set()
    assert runner.drain(5)
    assert [sequence for source, sequence in sink.taken if source == "file"] == list(range(BACKLOG - 1))
    assert ("live", 49) in sink.taken, "of the live source the newest is kept"
    assert len(sink.taken) + runner.dropped == BACKLOG - 1 + 50


def test_a_source_that_can_wait_waits_until_there_is_room_or_the_session_stops(runner, sink):
    waited = []

    def read():
        for number in range(2 * BACKLOG):
            runner.wait_for_room()
            waited.append(number)
            runner.put(update(sequence=number, source_id="file"), lossless=True)

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(0.2)
    assert reader.is_alive()
    assert BACKLOG <= len(waited) <= BACKLOG + 1, "what the sink holds, and a backlog"
    runner.hurry()
    reader.join(5)
    assert not reader.is_alive()
    sink.gate.set()
    assert runner.drain(5)
    assert sink.taken == [("file", number) for number in range(2 * BACKLOG)]


def test_the_last_word_is_kept_though_the_session_stops(runner, sink):
    for number in range(3 * BACKLOG):
        runner.put(update(sequence=number, source_id="live"), lossless=False)
    runner.hurry()
    runner.put(update(sequence=99, source_id="file"), lossless=True)
    sink.gate.set()
    assert runner.drain(5)
    assert sink.taken[-1] == ("file", 99)


def test_a_sink_that_does_not_end_is_named(sink):
    runner = SinkRunner(sink)
    runner.start()
    runner.put(update(sequence=1), lossless=True)
    assert runner.stop(0.2) == ["unmask-sink-Gated"]
    assert runner.failure == "Gated did not end within 0.2 s: what it writes may be incomplete"
    sink.gate.set()
    assert runner.stop(5) == []
