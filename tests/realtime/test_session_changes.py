"""A session that is changed while it runs: pausing, other sources, another detector."""

from __future__ import annotations

import itertools
import time

import pytest
from fakes import BLUE, RED, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, Recorder, open_toy_detector, plan

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import Cause, SourceState, Verdict


@pytest.fixture
def detector(tmp_path):
    with open_toy_detector(tmp_path / "toy") as opened:
        yield opened


class Camera:
    """A live source without end, and every source that was made for it."""

    def __init__(self, source_id="camera", colour=RED):
        self.source_id, self.colour = source_id, colour
        self.made: list[ScriptedSource] = []
        self.finder = ScriptedFinder(one_face(BOX))

    def make(self):
        pictures = [picture((BOX, self.colour), seed=seed) for seed in range(9)]
        steps = (step for number in itertools.count() for step in (pictures[number % 9], 0.03))
        self.made.append(ScriptedSource(steps, live=True, source_id=self.source_id))
        return self.made[-1]

    @property
    def plan(self):
        return SourcePlan(self.source_id, self.make, self.finder)


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def says(session, source_id, verdict):
    return lambda: (update := session.updates().get(source_id)) is not None and update.verdict is verdict


@pytest.mark.usefixtures("no_leaks")
def test_a_paused_camera_is_closed_and_nothing_is_said_of_its_picture(detector):
    camera, sink = Camera(), Recorder()
    with Session([camera.plan], detector, sinks=[sink]) as session:
        until(says(session, "camera", Verdict.SIGNS))
        session.pause()
        until(lambda: camera.made[0].close_calls > 0)
        until(lambda: session.updates()["camera"].state is SourceState.PAUSED)
        at_pause = session.updates()["camera"]
        assert (at_pause.verdict, at_pause.causes, at_pause.faces) == (Verdict.CANNOT_JUDGE, (Cause.PAUSED,), ())
        assert [event.end_s is not None for event in at_pause.events] == [True]
        captured = at_pause.counters.captured
        time.sleep(0.6)
        assert session.updates()["camera"].counters.captured <= captured + 1
        assert len(camera.made) == 1, "it is not opened again by itself"
        session.resume("camera")
        until(says(session, "camera", Verdict.SIGNS))
        assert len(camera.made) == 2
    after_pause = [update for update in sink.updates if update.state is SourceState.RUNNING and len(update.events) == 2]
    assert after_pause, "a new alarm, for nobody saw who sat there meanwhile"
    assert session.updates()["camera"].counters.reconnects == 0
    assert session.failures == []


def test_what_a_source_says_while_it_is_closed_for_a_pause_is_no_failure(detector):
    made = []

    class Complaining(ScriptedSource):
        def read(self):
            frame = super().read()
            if frame is None:
                raise SourceError("the device was taken away", retryable=False)
            return frame

    def make():
        steps = (step for number in itertools.count() for step in (picture((BOX, RED), seed=number % 9), 0.02))
        made.append(Complaining(steps, live=True))
        return made[-1]

    plans = [SourcePlan("fake", make, ScriptedFinder(one_face(BOX)))]
    with Session(plans, detector) as session:
        until(lambda: "fake" in session.updates())
        for round_ in (1, 2, 3):
            session.pause()
            session.resume()
            until(lambda round_=round_: len(made) > round_ and session.updates()["fake"].state is SourceState.RUNNING)
    assert session.failures == []


def test_a_paused_file_is_held_where_it_is_and_loses_nothing(detector):
    sink = Recorder()
    with Session([plan(frames=60)], detector, SessionSettings(pace=True), sinks=[sink]) as session:
        until(lambda: "fake" in session.updates() and session.updates()["fake"].sequence > 5)
        session.pause("fake")
        time.sleep(0.2)
        captured = session.channels[0].status.view().counters.captured
        time.sleep(0.5)
        assert session.channels[0].status.view().counters.captured == captured
        assert session.updates()["fake"].state is SourceState.PAUSED
        session.resume()
        assert session.wait(20)
    assert session.updates()["fake"].state is SourceState.ENDED
    assert session.updates()["fake"].counters.captured == 60


def test_a_session_can_be_stopped_while_it_is_paused(detector):
    with Session([Camera().plan, plan("file", frames=100)], detector, SessionSettings(pace=True)) as session:
        until(lambda: [update.sequence > 0 for update in session.updates().values()] == [True, True])
        session.pause()
        began = time.monotonic()
        assert session.stop() == []
        assert time.monotonic() - began < 2.0


@pytest.mark.usefixtures("no_leaks")
def test_sources_come_and_go(detector):
    first, second, sink = Camera("first", RED), Camera("second", BLUE), Recorder()
    with Session([first.plan], detector, sinks=[sink]) as session:
        until(says(session, "first", Verdict.SIGNS))
        session.add_source(second.plan)
        until(says(session, "second", Verdict.NO_SIGNS))
        assert session.remove_source("first") == []
        assert first.finder.closed
        assert first.made[0].close_calls > 0
        assert set(session.updates()) == {"second"}
        last = [update for update in sink.updates if update.source_id == "first"][-1:]
        until(lambda: [u for u in sink.updates if u.source_id == "first"][-1].state is SourceState.ENDED)
        last = [update for update in sink.updates if update.source_id == "first"][-1]
        assert [event.end_s is not None for event in last.events] == [True]
        again = Camera("first", BLUE)
        session.replace_source("second", again.plan)
        until(says(session, "first", Verdict.NO_SIGNS))
        assert session.updates()["first"].events == (), "of the same name, but another source"
        assert [channel.source_id for channel in session.channels] == ["first"]


def test_a_session_without_sources_waits_for_the_next(detector):
    with Session([plan(frames=500)], detector, SessionSettings(pace=True)) as session:
        session.remove_source("fake")
        assert not session.wait(0.8)
        session.add_source(plan("next", frames=30))
        assert session.wait(20)
        assert session.updates()["next"].counters.analysed == 30


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.add_source(plan("one")),
        lambda session: session.replace_source("two", plan("one")),
        lambda session: session.remove_source("three"),
        lambda session: session.pause("three"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(detector, change):
    with Session([Camera("one").plan, Camera("two").plan], detector) as session:
        with pytest.raises(UsageError, match="watched"):
            change(session)
        assert [channel.source_id for channel in session.channels] == ["one", "two"]
        until(lambda: set(session.updates()) == {"one", "two"})


def test_another_detector_takes_over_with_empty_windows(detector, tmp_path):
    from toy_package import build_toy_package

    from unmask.engines.package import load_package
    from unmask.realtime.detector import Detector

    # Another crop size: a crop that was cut for the old one would be refused by the new one.
    rule = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}
    folder = build_toy_package(tmp_path / "other", size=32, embedding=4, rule=rule, quality={"min_face_px": 20})
    other = Detector.open(load_package(folder), "ort-cpu")
    sink = Recorder()
    with Session([Camera().plan], detector, sinks=[sink]) as session:
        until(says(session, "camera", Verdict.SIGNS))
        assert session.replace_detector(other) is detector
        assert session.detector is other
        detector.close()
        until(lambda: session.updates()["camera"].verdict is not Verdict.SIGNS)
        until(says(session, "camera", Verdict.SIGNS))
        events = session.updates()["camera"].events
    assert [event.end_s is None for event in events] == [False, True], "the old alarm ended, the new one is on"
    fills = [update.faces[0].window_fill for update in sink.updates if update.faces]
    assert any(after < before for before, after in itertools.pairwise(fills)), "the windows began anew"
    assert session.failures == []
    other.close()


def test_a_detector_without_a_threshold_is_refused_and_the_old_one_stays(detector, tmp_path):
    with Session([Camera().plan], detector, SessionSettings(alarms_per_hour=1.0)) as session:
        with open_toy_detector(tmp_path / "strict") as strict:
            manifest = strict.manifest.model_copy(
                update={
                    "thresholds": tuple(
                        t.model_copy(update={"alarms_per_hour": 1e9}) for t in strict.manifest.thresholds
                    )
                }
            )
            strict.manifest = manifest
            with pytest.raises(UsageError, match="per hour"):
                session.replace_detector(strict)
        assert session.detector is detector
        until(says(session, "camera", Verdict.SIGNS))
