"""What a session says while an engine on another machine is out of reach. The engine is scripted here."""

from __future__ import annotations

import time

import pytest
from fakes import BLUE
from sessions import Recorder, open_toy_detector, plan, run

from unmask.engines.errors import EngineError, EngineLost
from unmask.realtime.session import Session
from unmask.realtime.types import Cause, Verdict

AWAY = "The server there:8001 cannot be reached."


@pytest.fixture
def detector(tmp_path):
    with open_toy_detector(tmp_path / "toy") as opened:
        yield opened


def failing(detector, monkeypatch, fails, error):
    """The encoder fails on its calls number ``fails``."""
    encode, calls = detector.encode, iter(range(1 << 30))

    def scripted(crops):
        if next(calls) in fails:
            raise error
        return encode(crops)

    monkeypatch.setattr(detector, "encode", scripted)


def test_a_lost_server_is_named_and_got_over(detector, monkeypatch):
    failing(detector, monkeypatch, range(10, 22), EngineLost(AWAY))
    sink = Recorder()
    session = Session([plan(colour=BLUE)], detector, sinks=[sink])
    assert run(session)["fake"].verdict is Verdict.NO_SIGNS
    away = [update for update in sink.updates if Cause.SERVER_UNREACHABLE in update.causes]
    assert len(away) >= 12
    assert all(update.verdict is Verdict.CANNOT_JUDGE and update.score is None for update in away)
    assert all(Cause.DETECTOR_UNAVAILABLE not in update.causes for update in away)
    # It is one stretch, without flicker on the frames between two crops.
    places = [index for index, update in enumerate(sink.updates) if Cause.SERVER_UNREACHABLE in update.causes]
    assert places == list(range(places[0], places[-1] + 1))
    assert {update.message for update in away} == {AWAY}
    assert sink.updates[places[-1] + 1].message == ""
    # The picture went on all the time, and nothing of before the gap is in the window after it.
    frames = [update.frame.index for update in sink.updates if update.frame is not None]
    assert frames == sorted(frames)
    assert sink.updates[places[0] - 1].faces[0].window_fill == 1.0
    assert sink.updates[places[-1] + 1].faces[0].window_fill == 0.25
    assert session.failures == [AWAY]


def test_any_other_failure_is_the_detectors(detector, monkeypatch):
    failing(detector, monkeypatch, range(10, 22), EngineError("It serves another model."))
    sink = Recorder()
    run(Session([plan(colour=BLUE)], detector, sinks=[sink]))
    causes = {cause for update in sink.updates for cause in update.causes}
    assert Cause.DETECTOR_UNAVAILABLE in causes
    assert Cause.SERVER_UNREACHABLE not in causes


def test_the_trouble_is_forgotten_when_nobody_asks_the_detector(detector, monkeypatch):
    """The face leaves while the server is away: later it is "no face", not a server that was not asked."""
    from fakes import ScriptedFinder, one_face

    failing(detector, monkeypatch, range(10, 1 << 30), EngineLost(AWAY))

    def script(call):
        time.sleep(0.02)
        return one_face()(call) if call < 15 else []

    update = run(Session([plan(colour=BLUE, finder=ScriptedFinder(script))], detector))["fake"]
    assert update.verdict is Verdict.CANNOT_JUDGE
    assert update.causes == (Cause.NO_FACE,)
    assert update.message == ""


def test_its_words():
    assert Cause.SERVER_UNREACHABLE.words == "server unreachable"
