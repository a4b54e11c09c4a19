"""Many short sessions under random delays: every one ends by itself, and loses nothing of a source that waits."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fake_detector import FakeEncoder, FakeHead, fake_manifest
from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture

from unmask.engines.errors import SourceError, UsageError
from unmask.realtime import session as session_module
from unmask.realtime import watchdog as watchdog_module
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import SourceState, Update

BOX = (80, 60, 200, 180)
PICTURES = [picture((BOX, RED), seed=number) for number in range(6)]
SESSIONS, AT_ONCE = 120, 8
PATIENCE_S = 20.0
MANIFEST = fake_manifest(quality={"min_face_px": 20}, input={"size": 32})


@pytest.fixture(autouse=True)
def hurried_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog_module, "PERIOD_S", 0.01)
    monkeypatch.setattr(session_module, "_LOOK_S", 0.02)


class Sink:
    """Takes its time now and then."""

    def __init__(self, chance: random.Random) -> None:
        self.every_update = chance.random() < 0.7
        self._chance = chance
        self.seen: dict[str, set[int]] = {}
        self.last: dict[str, Update] = {}

    def take(self, update: Update) -> None:
        if self._chance.random() < 0.1:
            time.sleep(self._chance.random() * 0.01)
        self.last[update.source_id] = update
        if update.frame is not None:
            self.seen.setdefault(update.source_id, set()).add(update.frame.index)

    def close(self) -> None: ...


def source_plan(name: str, chance: random.Random, frames: int, live: bool) -> SourcePlan:
    def pause(share: float) -> None:
        if chance.random() < share:
            time.sleep(chance.random() * 0.004)

    def find(call: int):
        pause(0.2)
        return one_face(BOX)(call)

    def make() -> ScriptedSource:
        steps: list = []
        for number in range(frames):
            steps += [PICTURES[number % len(PICTURES)], chance.random() * 0.003]
        if live:
            steps.append(SourceError("The camera is gone.", retryable=False))
        return ScriptedSource(steps, live=live, source_id=name)

    return SourcePlan(name, make, ScriptedFinder(find))


class SlowEncoder(FakeEncoder):
    """Takes its time now and then; half of them gain by a batch."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(MANIFEST)
        self._chance = chance
        self._gains = chance.random() < 0.5

    @property
    def gains_by_batch(self) -> bool:
        return self._gains

    def answer(self, arrays):
        if self._chance.random() < 0.2:
            time.sleep(self._chance.random() * 0.005)
        return super().answer(arrays)


def new_detector(chance: random.Random) -> Detector:
    encoder, head = SlowEncoder(chance), FakeHead(MANIFEST)
    encoder.open()
    head.open()
    return Detector(MANIFEST, encoder, head)


def meddle(session: Session, chance: random.Random) -> None:
    """What a person does meanwhile; a session that is over by then says so."""
    for number in range(chance.randrange(4)):
        time.sleep(chance.random() * 0.02)
        names = [channel.source_id for channel in session.channels]
        what = chance.choice(("detector", "pause", "add", "threshold", "replace"))
        with contextlib.suppress(UsageError):  # over by now
            if what == "detector":
                session.replace_detector(new_detector(chance))
            elif what == "pause":
                session.pause()
                time.sleep(chance.random() * 0.01)
                session.resume()
            elif what == "add":
                session.add_source(source_plan(f"more {number}", chance, 3, live=False))
            elif what == "replace" and names:
                session.replace_source(names[0], source_plan(f"other {number}", chance, 3, live=False))
            elif what == "threshold":
                session.set_alarms_per_hour(1.0)


def one_session(seed: int) -> None:
    chance = random.Random(seed)
    counts = {f"source {number}": chance.randrange(1, 9) for number in range(chance.randrange(1, 4))}
    live = {name for name in counts if chance.random() < 0.4}
    sink = Sink(chance)
    plans = [source_plan(name, chance, frames, name in live) for name, frames in counts.items()]
    session = Session(plans, new_detector(chance), SessionSettings(), [sink])
    touched = chance.random() < 0.5
    session.start()
    try:
        if touched:
            meddle(session, chance)
        assert session.wait(PATIENCE_S), f"session {seed} hangs: {sorted(t.name for t in threading.enumerate())}"
    finally:
        assert session.stop(5.0) == [], f"session {seed} leaves threads"
    for name, update in session.updates().items():
        assert update.state in (SourceState.ENDED, SourceState.FAILED), (seed, name)
    if touched:
        return
    for name in counts.keys() - live:
        assert session.updates()[name].counters.analysed == counts[name], seed
        if sink.every_update:
            assert sink.seen[name] == set(range(counts[name])), seed


def test_no_session_hangs_and_no_frame_of_a_file_is_lost() -> None:
    before = threading.active_count()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one_session, range(SESSIONS)))
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_who_waits_is_told_when_somebody_else_stops_the_session() -> None:
    forever = ScriptedSource([PICTURES[0]], live=True, hang=True, source_id="camera")
    plan = SourcePlan("camera", lambda: forever, ScriptedFinder(one_face(BOX)))
    with Session([plan], new_detector(random.Random(0))) as session:
        told: list[bool] = []
        waiting = threading.Thread(target=lambda: told.append(session.wait()))
        waiting.start()
        session.stop()
        waiting.join(5)
    assert told == [False]


def test_a_source_is_never_added_to_a_session_that_ends() -> None:
    """Either it is refused, or all of it is scored."""
    for seed in range(40):
        chance = random.Random(seed)
        detector = new_detector(chance)
        with Session([source_plan("first", chance, 2, live=False)], detector) as session:
            time.sleep(0.002 * np.random.default_rng(seed).random() + 0.001 * (seed % 20))
            try:
                session.add_source(source_plan("second", chance, 3, live=False))
            except UsageError:
                continue
            assert session.wait(PATIENCE_S)
            second = session.updates()["second"]
            assert second.counters.analysed == 3, seed
            assert second.counters.dropped == {}, seed
            assert second.frame is not None, seed
