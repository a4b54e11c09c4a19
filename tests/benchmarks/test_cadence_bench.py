"""``unmask bench cadence`` on a toy detector and a scripted face."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import write_video
from fakes import BLUE, ScriptedFinder, one_face, picture
from sessions import BOX
from toy_package import build_toy_package

from unmask.benchmarks import cadence
from unmask.benchmarks.harness import StopRule
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.subject import Clip, Subject
from unmask.engines.errors import UnmaskError
from unmask.engines.options import EngineOptions
from unmask.engines.package import load_package
from unmask.realtime.faces.registry import FaceFinderSettings

ONCE = StopRule(bound=10.0, last=2, most=2, warm_up=0)


@pytest.fixture(autouse=True)
def short_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy's alarm comes within a second or two: nobody needs to wait ten for it."""
    monkeypatch.setattr(cadence, "_GIVE_UP_S", 4.0)


def test_cadence_compares_the_ways_to_search_and_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subject, "make_finder", lambda *_: ScriptedFinder(one_face(BOX)))
    package = load_package(build_toy_package(tmp_path / "toy", quality={"min_face_px": 20}))
    subject = Subject(package, "ort-cpu", "fp32", EngineOptions(), FaceFinderSettings("cascade"), lambda _: None)
    blue = write_video(tmp_path / "blue.mp4", [picture((BOX, BLUE), seed=number) for number in range(12)])
    effort = Effort(pictures=12, passes=ONCE, quick=True)
    with subject.open_detector() as detector:
        rows, plots, notes = cadence.measure(subject, detector, [Clip("blue", blue, 1)], effort)
        by_way = {row.name.removeprefix("blue: "): row.values for row in rows}
        assert list(by_way) == list(cadence.WAYS)
        every, adaptive, needed = by_way.values()
        assert every["searches_per_s"] == pytest.approx(25.0)
        assert every["recall"] == adaptive["recall"] == 1.0
        assert every["largest_score_difference"] == 0.0
        assert float(adaptive["searches_per_s"] or 0) < 15
        assert adaptive["steady_crops_per_s"] == pytest.approx(10.0, abs=0.5)
        assert needed["steady_crops_per_s"] == pytest.approx(5.0, abs=0.5)
        assert float(needed["crops_per_s"] or 0) < float(adaptive["crops_per_s"] or 0)
        stride_s = detector.manifest.window.stride_ms / 1000
        assert (
            float(needed["switch_to_alarm_max_s"] or 0) <= float(adaptive["switch_to_alarm_max_s"] or 0) + 2 * stride_s
        )
        assert len(plots[0].lines[0].y) == 3
        assert not any("order" in note for note in notes)
        # A head that reads the order is never asked less often.
        monkeypatch.setattr(cadence, "reads_order", lambda _: True)
        rows, _, notes = cadence.measure(subject, detector, [Clip("blue", blue, 1)], effort)
    assert len(rows) == 2
    assert any("order" in note for note in notes)


def test_a_clip_whose_switch_nobody_sees_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subject, "make_finder", lambda *_: ScriptedFinder(lambda _: []))
    package = load_package(build_toy_package(tmp_path / "toy"))
    subject = Subject(package, "ort-cpu", "fp32", EngineOptions(), FaceFinderSettings("cascade"), lambda _: None)
    empty = write_video(tmp_path / "empty.mp4", [picture(seed=number) for number in range(12)])
    with subject.open_detector() as detector, pytest.raises(UnmaskError, match="one face"):
        cadence.measure(subject, detector, [Clip("empty", empty, 0)], Effort(pictures=12, passes=ONCE, quick=True))
