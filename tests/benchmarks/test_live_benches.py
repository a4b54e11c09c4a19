"""``unmask bench latency`` and ``streams`` from end to end, in short: a toy detector, a face that is always there."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import write_video
from fakes import RED, ScriptedFinder, one_face, picture
from sessions import BOX
from toy_package import build_toy_package

from unmask.benchmarks import latency, streams
from unmask.benchmarks.collector import STAGES
from unmask.benchmarks.harness import StopRule
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.streams import Bound
from unmask.benchmarks.subject import Clip, Subject
from unmask.engines.options import EngineOptions
from unmask.engines.package import load_package
from unmask.realtime.faces.registry import FaceFinderSettings

SHORT = Effort(live_s=0.5, warm_s=0.3, pictures=8, stream_tries=1, live=StopRule(bound=9.0, last=2, most=2, warm_up=0))
#: Wide enough for any machine: what is asked here is whether the report is whole, not whether this machine is fast.
ANY = Bound(p99_ms=60_000.0, drop_share=1.0)


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setattr(Subject, "make_finder", lambda *_: ScriptedFinder(one_face(BOX)))
    package = load_package(build_toy_package(tmp_path / "toy", quality={"min_face_px": 20}))
    return Subject(package, "ort-cpu", "fp32", EngineOptions(), FaceFinderSettings("cascade"), lambda _: None)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    pictures = [picture((BOX, RED), seed=number) for number in range(8)]
    return Clip("red", write_video(tmp_path / "red.mp4", pictures), 1)


def test_latency_tells_every_stage_and_where_nobody_paints_says_so(subject: Subject, clip: Clip) -> None:
    with subject.open_detector() as detector:
        rows, plots, notes, details = latency.measure(subject, detector, [clip], SHORT, None)
    (row,) = rows
    assert row.name == "red"
    assert 0 < float(row.values["score_p50_ms"] or 0) <= float(row.values["score_p99_ms"] or 0)
    assert float(row.values["jitter"] or 0) >= 1.0
    assert float(row.values["due"] or 0) >= 2 * 0.5 * latency.FPS * 0.5
    assert "paint_p50_ms" not in row.values
    assert any("frame-to-paint is left out" in note for note in notes)
    assert set(details["red"]["stages_ms"]) == set(STAGES)
    assert details["red"]["cores_by_thread"]
    (curve,) = plots[0].lines
    assert list(curve.y) == sorted(curve.y)


def test_streams_are_tried_in_step_and_spread(subject: Subject, clip: Clip) -> None:
    with subject.open_detector() as detector:
        rows, plots, _ = streams.measure(subject, detector, [clip], SHORT, ANY, 2)
    by_name = {row.name: row.values for row in rows}
    for beat in ("in step", "spread"):
        most = int(float(by_name[f"red, {beat}: most streams"]["streams"] or 0))
        tried = [name for name in by_name if name.startswith(f"red, {beat}: ") and name.endswith("tried")]
        assert 0 <= most <= 2
        assert tried
    assert [line.label for line in plots[0].lines] == ["red, in step", "red, spread"]
