"""A monitor whose server is killed under it and comes back: cannot judge meanwhile, and the picture goes on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture
from ml_server import MlServer

from unmask.engines.options import EngineOptions
from unmask.engines.package import load_package
from unmask.export.triton import write_triton_repository
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session, SourcePlan
from unmask.realtime.types import Cause, Image, Update, Verdict

BOX = (80, 60, 200, 180)
NOBODY = "nothing answers there, or the connection broke off"


def call() -> SourcePlan:
    """A red face (so: signs), live, until the session stops."""
    pictures = [picture((BOX, RED), seed=number) for number in range(10)]

    def steps() -> Iterator[Image | float]:
        for image in itertools.cycle(pictures):
            yield image
            yield 0.04

    return SourcePlan(
        "call", lambda: ScriptedSource(steps(), live=True, source_id="call"), ScriptedFinder(one_face(BOX))
    )


@pytest.fixture
def server(toy: Path, tmp_path: Path) -> Iterator[MlServer]:
    write_triton_repository(load_package(toy), tmp_path / "models")
    with MlServer(tmp_path / "models", tmp_path / "mlserver.log") as running:
        running.wait_until_ready("toy")
        yield running


@pytest.mark.usefixtures("no_leaks")  # first of all: the server is gone before it looks
def test_a_session_survives_its_servers_death(server, toy, recorder, until):
    options = EngineOptions(server=server.address, deadline_s=2.0)
    with Detector.open(load_package(toy), "remote", options=options) as detector:
        session = Session([call()], detector, sinks=[recorder])

        def newest() -> Update | None:
            return session.updates().get("call")

        def says(verdict: Verdict, *causes: Cause) -> bool:
            update = newest()
            return update is not None and update.verdict is verdict and set(causes) <= set(update.causes)

        with session:
            until(lambda: says(Verdict.SIGNS), "signs of manipulation")
            assert f"remote mlserver 1.7.1 at {server.address} (model toy 1.0.0)" in newest().engine
            server.kill()
            until(lambda: says(Verdict.CANNOT_JUDGE, Cause.SERVER_UNREACHABLE), "cannot judge (server unreachable)")
            away = newest()
            until(lambda: newest().frame.index > away.frame.index + 25, "the picture goes on")
            assert says(Verdict.CANNOT_JUDGE, Cause.SERVER_UNREACHABLE)
            assert newest().message == f"The server {server.address} cannot be reached: {NOBODY}."
            assert "away" in newest().engine
            server.start()
            until(lambda: says(Verdict.SIGNS), "signs of manipulation, again")
            assert newest().message == ""
            assert "mlserver" in newest().engine
    check_the_record(recorder.updates)
    assert f"The server {server.address} cannot be reached: {NOBODY}." in session.failures
    assert all(server.address in sentence for sentence in session.failures)


def check_the_record(updates: list[Update]) -> None:
    """Two alarms, no number while nobody looked, and a window that began anew."""
    assert len(updates[-1].events) == 2
    assert updates[-1].events[0].end_s is not None
    blind = [update for update in updates if update.verdict is Verdict.CANNOT_JUDGE]
    assert all(update.score is None for update in blind)
    lost = [place for place, update in enumerate(updates) if Cause.SERVER_UNREACHABLE in update.causes]
    after = [face.window_fill for update in updates[lost[-1] + 1 :] for face in update.faces]
    before = [face.window_fill for update in updates[: lost[0]] for face in update.faces]
    assert before[-1] == 1.0
    assert after[0] == 0.25  # one frame of four: nothing from before the gap is in it
