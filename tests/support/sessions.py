"""A monitoring session over scripted sources, and a sink that remembers: for tests of threads and their ends."""

from __future__ import annotations

from pathlib import Path

from fakes import RED, ScriptedFinder, ScriptedSource, one_face, picture
from toy_package import build_toy_package

from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.session import Session, SourcePlan
from unmask.realtime.types import Update

BOX = (80, 60, 200, 180)
FRAMES = 100  # 4 s at 25 fps: long enough for dwell and release


def open_toy_detector(folder: Path) -> Detector:
    """Red faces show signs, blue ones none. Close it."""
    rule = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}
    package = build_toy_package(folder, rule=rule, quality={"min_face_px": 20})
    return Detector.open(load_package(package), "ort-cpu")


def plan(source_id="fake", colour=RED, frames=FRAMES, finder=None, **options) -> SourcePlan:
    """One face of ``colour`` for so many frames; ``options`` are those of ``ScriptedSource``."""

    def make():
        few = [picture((BOX, colour), seed=number) for number in range(min(frames, FRAMES))]
        return ScriptedSource([few[number % FRAMES] for number in range(frames)], source_id=source_id, **options)

    return SourcePlan(source_id, make, finder or ScriptedFinder(one_face(BOX)))


class Recorder:
    """A sink that keeps what it gets."""

    every_update = True

    def __init__(self):
        self.updates: list[Update] = []
        self.closed = 0

    def take(self, update: Update) -> None:
        self.updates.append(update)

    def close(self) -> None:
        self.closed += 1


def run(session: Session) -> dict[str, Update]:
    """To its end; the last update of each source."""
    with session:
        assert session.wait(30)
    return session.updates()
