"""What whole runs share: a small demo clip, a tiny real detector, and a sink that keeps everything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from player import load
from toy_package import build_toy_package

from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
from unmask.realtime.types import Image, Update
from unmask.training.demo_clip import DemoClip, make_demo_clip


@dataclass(frozen=True)
class Clip:
    """The clip, its truth, and its pictures as they are decoded."""

    demo: DemoClip
    pictures: list[Image]

    @property
    def path(self) -> Path:
        return self.demo.path


class Recorder:
    """A sink that keeps what it gets."""

    every_update = True

    def __init__(self) -> None:
        self.updates: list[Update] = []

    def take(self, update: Update) -> None:
        self.updates.append(update)

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Six seconds of two people, one of them swapped from the middle on."""
    path = tmp_path_factory.mktemp("demo") / "call.mp4"
    demo = make_demo_clip(path, seconds=6, width=640, height=360)
    return Clip(demo, load(path)[0])


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector package that judges nothing but colour: these tests are about all the rest."""
    rule = {"dwell_s": 0.5, "release_s": 0.5}
    return build_toy_package(tmp_path_factory.mktemp("toy") / "toy", rule=rule, quality={"min_face_px": 20})


@pytest.fixture
def detector(toy: Path) -> Iterator[Detector]:
    with Detector.open(load_package(toy), "ort-cpu") as opened:
        yield opened


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def new_finder() -> Callable[..., FaceFinder]:
    """A maker of finders: of a model's file, or OpenCV's cascade, which every machine has."""

    def make(model: Path | None = None) -> FaceFinder:
        kind = "cascade" if model is None else "auto"
        return make_face_finder(FaceFinderSettings(kind=kind, model=model), pytest.fail)

    return make


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for something that other threads or processes do; fails after ``limit_s``."""

    def wait(met: Callable[[], object], what: str, limit_s: float = 30.0) -> None:
        deadline = time.monotonic() + limit_s
        while not met():
            assert time.monotonic() < deadline, f"not within {limit_s:g} s: {what}"
            time.sleep(0.02)

    return wait
