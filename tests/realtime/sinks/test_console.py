from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console
from updates import face_state, update

from unmask.realtime.metrics.collector import MetricsCollector
from unmask.realtime.metrics.health import MachineClocks
from unmask.realtime.sinks.console import ConsoleSink
from unmask.realtime.sinks.tally import TallySink
from unmask.realtime.types import Cause, Event, SourceState, Verdict


def shown(*updates, terminal, collector=None):
    out = io.StringIO()
    clocks = collector.clocks if collector is not None else None
    sink = ConsoleSink(Console(file=out, force_terminal=terminal, width=160), ["the header"], clocks)
    for one in updates:
        if collector is not None:
            collector.take(one)
        sink.take(one)
    sink.close()
    return out.getvalue()


def test_a_terminal_gets_a_line_per_face_and_the_health_of_the_pipeline():
    faces = (
        face_state(Verdict.SIGNS, score=0.91, track=1),
        face_state(Verdict.CANNOT_JUDGE, Cause.DARK, score=None, track=2),
    )
    text = shown(update(1.0, *faces), terminal=True)
    for expected in (
        "the header",
        "signs of manipulation",
        "0.91",
        "the face is too dark",
        "frame age 12 ms",
        "24.0 fps",
    ):
        assert expected in text
    assert "1 detection busy" in text


class Sleepy:
    """Each look finds that an hour was slept through."""

    def __init__(self):
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return MachineClocks(self.looks, self.looks * 3601, self.looks * 3601)


@pytest.mark.parametrize("terminal", [True, False])
def test_ages_and_troubles_are_said(terminal):
    collector = MetricsCollector(monotonic_s=iter(range(100)).__next__, machine=Sleepy())
    same = [update(number / 25, face_state(), sequence=number) for number in range(1, 4)]
    text = shown(*same, terminal=terminal, collector=collector)
    assert "The machine slept for 3600 s" in text
    assert ("frame age 12 ms (p50 12 ms, p99 12 ms)" in text) == terminal


def test_what_the_budget_lowered_is_said():
    one = dataclasses.replace(update(1.0, face_state()), lowered=("faces searched every 4th frame",))
    assert "faces searched every 4th frame" in shown(one, terminal=True)


def test_an_uncalibrated_score_is_called_so():
    assert "uncalibrated" in shown(update(1.0, face_state(calibrated=False)), terminal=True)


def test_elsewhere_only_changes_are_printed():
    same = [update(number / 25, face_state(), sequence=number) for number in range(1, 30)]
    lines = shown(*same, update(2.0, state=SourceState.RECONNECTING, message="gone"), terminal=False).splitlines()
    assert len(lines) == 3
    assert "no signs found" in lines[1]
    assert "reconnecting: gone" in lines[2]
    assert "\x1b" not in "".join(lines)


def test_the_summary_counts_seconds_faces_and_alarms():
    tally = TallySink()
    for number in range(1, 101):
        verdict = Verdict.SIGNS if number > 75 else Verdict.NO_SIGNS
        events = (Event(1, 3.0, None, 0.95),) if number > 75 else ()
        tally.take(update(number / 25, face_state(verdict), sequence=number, events=events))
    lines = tally.lines("fake")
    assert "1 face followed, 9 frames analysed" in lines[0]
    assert "3.0 s  no signs found" in lines[1]
    assert "1.0 s  signs of manipulation" in lines[2]
    assert lines[3].endswith("on face 1 from 3.0 s to the end, highest score 0.95")


def test_the_summary_names_the_main_cause_of_abstaining():
    tally = TallySink()
    for number in range(1, 26):
        causes = (Cause.NO_FACE,) if number > 5 else (Cause.PICTURE_BLACK,)
        tally.take(update(number / 25, sequence=number, causes=causes))
    assert tally.lines("fake")[1].endswith("cannot judge, mostly because no face in the picture")


def test_a_source_that_sent_nothing_is_said_to_have_sent_nothing():
    assert "cannot judge, because no picture came" in TallySink().lines("camera:0")[0]


def test_a_face_that_comes_back_is_counted_once_and_nothing_is_kept_of_it():
    tally = TallySink()
    for number in range(1, 500):
        faces = (face_state(track=number), face_state(track=number + 1))
        tally.take(update(number / 25, *faces, sequence=number))
        tally.take(update(number / 25, sequence=number))
    assert "500 faces followed" in tally.lines("fake")[0]
    assert not isinstance(tally._faces["fake"], set)
