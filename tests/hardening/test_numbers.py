"""Numbers that are none, pictures that show nothing, windows that never fill: cannot judge and why, never a number."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from clips import ColourFinder, write_video
from fake_detector import embedding_for, fake_detector, fake_manifest
from fakes import BLUE, RED, ScriptedFinder, ScriptedSource, one_face, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from sessions import BOX, Recorder, plan, run
from toy_package import build_toy_package, rehash

from unmask.engines.manifest import Quality
from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
from unmask.realtime.faces.crop import CropSpec, crop_face
from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
from unmask.realtime.judge import FaceJudge
from unmask.realtime.quality import assess
from unmask.realtime.scan.header import report_header
from unmask.realtime.scan.items import expand
from unmask.realtime.scan.results import ItemFinding, as_json
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.selection import CropJob
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.sources.registry import SourceOptions
from unmask.realtime.types import Cause, FaceBox, FaceState, TrackedFace, Update, Verdict
from unmask.realtime.verdict import threshold_for

pytestmark = pytest.mark.usefixtures("no_leaks")

RULE = {"smoothing_s": 0.2, "dwell_s": 0.5, "release_s": 0.5}


def package(folder: Path, spoil: str = "", **overrides: Any) -> Path:
    """The toy; ``spoil`` names a graph in which a weight is NaN, as after a conversion that went wrong."""
    built = build_toy_package(folder / "toy", rule=RULE, quality={"min_face_px": 20}, **overrides)
    if spoil:
        model = onnx.load(built / f"{spoil}.onnx")
        weight = next(w for w in model.graph.initializer if w.name in ("per_pixel", "readout"))
        array = numpy_helper.to_array(weight).copy()
        array[...] = np.nan
        weight.CopyFrom(numpy_helper.from_array(array, weight.name))
        onnx.save(model, built / f"{spoil}.onnx")
        rehash(built)
    return built


def opened(folder: Path) -> Detector:
    return Detector.open(load_package(folder), "ort-cpu")


def watched(detector: Detector, **options: Any) -> list[Update]:
    recorder = Recorder()
    run(Session([plan(**options)], detector, sinks=[recorder]))
    return recorder.updates


def scanned(detector: Detector, path: Path, finder: Any = None) -> ItemFinding:
    scanner = Scanner([(detector, 0.6)], finder or ColourFinder(), ScanSettings())
    (item,) = expand([str(path)], SourceOptions())
    finding = scanner.scan(item)
    threshold = threshold_for(detector.manifest, 1.0)
    report = as_json([finding], report_header([(detector, threshold)], "a finder", ScanSettings()))
    json.dumps(report, allow_nan=False)  # what is no number would be no JSON
    return finding


def check_abstains(state: FaceState) -> None:
    assert state.verdict is Verdict.CANNOT_JUDGE
    assert state.causes
    assert state.score is None
    assert state.event is None


# --- a detector that gives NaN


@pytest.mark.parametrize("graph", ["encoder", "head"])
def test_a_detector_that_gives_nan_cannot_judge(tmp_path: Path, graph: str) -> None:
    with opened(package(tmp_path, graph)) as detector:
        updates = watched(detector, frames=50)
        clip = write_video(tmp_path / "a.mp4", [picture((BOX, RED), seed=number) for number in range(50)])
        cv2.imwrite(str(tmp_path / "a.png"), picture((BOX, RED)))
        findings = [scanned(detector, clip), scanned(detector, tmp_path / "a.png")]
    faces = [face for update in updates for face in update.faces]
    assert len(faces) > 20
    for face in faces:
        check_abstains(face)
        assert face.evidence is None
    assert updates[-1].causes == (Cause.DETECTOR_UNAVAILABLE,)
    for finding in findings:
        assert (finding.verdict, finding.score, finding.error) == (Verdict.CANNOT_JUDGE, None, "")
        assert Cause.DETECTOR_UNAVAILABLE in finding.causes


def judged(scores: Sequence[float | None], seconds: float = 0.1, **rule: Any) -> list[FaceState]:
    """What is said of one face whose crops mean these numbers, ``seconds`` apart; ``None`` is a missed crop."""
    manifest = fake_manifest(rule={**RULE, **rule})
    detector, _, _ = fake_detector(manifest)
    judge = FaceJudge(detector, 0.6)
    states = []
    for number, value in enumerate(scores):
        time_s = round(number * seconds, 6)
        face = TrackedFace(1, FaceBox(0, 0, 64, 64, 0.9), value is not None, 0.0, time_s)
        jobs = [CropJob(1, time_s, np.zeros((64, 64, 3), np.uint8))] if value is not None else []
        rows = [embedding_for(value, manifest) for value in scores[number : number + 1] if value is not None]
        embeddings = np.array(rows, np.float32).reshape(len(rows), manifest.embedding)
        with np.errstate(all="ignore"):
            (state,) = judge.accept(time_s, [face], jobs, embeddings, {}).faces
        states.append(state)
    return states


def test_every_other_crop_of_nan_proves_nothing_either() -> None:
    for state in judged([1.0, math.nan] * 30):
        check_abstains(state)
    assert judged([1.0] * 30)[-1].verdict is Verdict.SIGNS


def test_one_nan_hides_no_signs_at_once_and_ends_no_alarm() -> None:
    hidden = judged([0.0] * 20 + [math.nan])
    assert hidden[-2].verdict is Verdict.NO_SIGNS
    check_abstains(hidden[-1])
    assert hidden[-1].causes == (Cause.DETECTOR_UNAVAILABLE,)
    assert judged([1.0] * 20 + [math.nan])[-1].verdict is Verdict.SIGNS


NUMBERS = st.one_of(
    st.none(),
    st.floats(0, 1, width=32),
    st.sampled_from([math.nan, math.inf, -math.inf, 3.4e38, -3.4e38, 1e30, 1e-45, -0.0]),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=40), st.sampled_from([0.04, 0.1, 0.5, 1.5]))
def test_whatever_comes_a_score_is_a_number_and_an_abstention_has_a_cause(
    scores: list[float | None], seconds: float
) -> None:
    for state in judged(scores, seconds):
        assert state.score is None or 0.0 <= state.score <= 1.0
        assert bool(state.causes) == (state.verdict is Verdict.CANNOT_JUDGE)
        assert state.score is not None or state.verdict is Verdict.CANNOT_JUDGE
        if state.score is not None and state.verdict is Verdict.CANNOT_JUDGE:
            assert state.causes == (Cause.UNCERTAIN,)


# --- windows that never fill


@pytest.mark.parametrize("fps", [1.9, 1.0, 0.2])
def test_a_source_slower_than_the_longest_gap_has_too_few_frames_for_ever(tmp_path: Path, fps: float) -> None:
    with opened(package(tmp_path)) as detector:
        updates = watched(detector, frames=30, fps=fps)
        clip = write_video(tmp_path / "slow.mp4", [picture((BOX, RED), seed=n) for n in range(20)], fps=1)
        finding = scanned(detector, clip)
    seen = [update for update in updates if update.frame is not None]
    assert len(seen) >= 30
    for update in seen:
        assert (update.verdict, update.causes) == (Verdict.CANNOT_JUDGE, (Cause.TOO_FEW_FRAMES,))
        for face in update.faces:
            check_abstains(face)
            assert face.window_fill <= 0.25
    assert (finding.verdict, finding.causes, finding.score) == (Verdict.CANNOT_JUDGE, (Cause.TOO_FEW_FRAMES,), None)


def test_gaps_that_empty_the_window_each_time() -> None:
    for state in judged([1.0, None, None, None, None, None] * 12):
        check_abstains(state)
        assert state.causes == (Cause.TOO_FEW_FRAMES,)


def test_a_window_larger_than_the_clip(tmp_path: Path) -> None:
    with opened(package(tmp_path, length=64, min_frames=60)) as detector:
        updates = watched(detector, frames=50)
    assert updates[-1].causes == (Cause.TOO_FEW_FRAMES,)
    for update in updates:
        for face in update.faces:
            check_abstains(face)


# --- pictures that show nothing

FLAT = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (110, 110, 110),
    "red": (30, 30, 200),
    "skin": (140, 170, 220),
}


@pytest.mark.parametrize("colour", FLAT)
def test_a_picture_of_one_colour(tmp_path: Path, colour: str) -> None:
    flat = np.full((240, 320, 3), FLAT[colour], np.uint8)
    cv2.imwrite(str(tmp_path / "flat.png"), flat)
    clip = write_video(tmp_path / "flat.mp4", [flat] * 30)
    with opened(package(tmp_path)) as detector:
        for path in (tmp_path / "flat.png", clip):
            finder = make_face_finder(FaceFinderSettings(kind="cascade"), pytest.fail)
            finding = scanned(detector, path, finder)
            assert (finding.verdict, finding.score, finding.faces) == (Verdict.CANNOT_JUDGE, None, ())
            assert finding.causes == ((Cause.PICTURE_BLACK,) if colour == "black" else (Cause.NO_FACE,))
        recorder = Recorder()
        source = SourcePlan("flat", lambda: ScriptedSource([flat] * 50), ScriptedFinder(lambda _: []))
        run(Session([source], detector, sinks=[recorder]))
    last = recorder.updates[-1]
    assert last.verdict is Verdict.CANNOT_JUDGE
    assert Cause.PICTURE_FROZEN in last.causes or Cause.PICTURE_BLACK in last.causes


@pytest.mark.parametrize("colour", FLAT)
def test_a_face_that_is_claimed_where_there_is_only_one_colour_is_not_scored(tmp_path: Path, colour: str) -> None:
    """The gate of this package lets everything pass; a crop without any texture was no face all the same."""
    flat = np.full((240, 320, 3), FLAT[colour], np.uint8)
    loose = Quality(min_face_px=20)
    box = FaceBox(*BOX, 0.99)
    assert assess(flat, box, crop_face(flat, box, CropSpec(64)), loose)
    cv2.imwrite(str(tmp_path / "flat.png"), flat)
    with opened(package(tmp_path)) as detector:
        finding = scanned(detector, tmp_path / "flat.png", ScriptedFinder(one_face(BOX)))
    assert (finding.verdict, finding.score) == (Verdict.CANNOT_JUDGE, None)
    assert finding.causes


def test_a_face_with_a_little_noise_is_still_judged(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "face.png"), picture((BOX, BLUE)))
    with opened(package(tmp_path)) as detector:
        finding = scanned(detector, tmp_path / "face.png", ScriptedFinder(one_face(BOX)))
    assert finding.verdict is Verdict.NO_SIGNS


# --- many faces


def crowd(count: int = 50) -> list[FaceBox]:
    """Fifty faces of 24 x 40 pixels in rows of ten, all in ``fakes``' picture of 320 x 240."""
    boxes = [(4 + 31 * (n % 10), 4 + 46 * (n // 10)) for n in range(count)]
    return [FaceBox(x, y, x + 24, y + 40, 0.9) for x, y in boxes]


def crowded(number: int) -> Any:
    faces = [((f.x0, f.y0, f.x1, f.y1), RED if place == 7 else BLUE) for place, f in enumerate(crowd())]
    return picture(*faces, seed=number)


def test_fifty_faces_have_fifty_verdicts_for_four_calls_a_sample(tmp_path: Path) -> None:
    recorder = Recorder()
    with opened(package(tmp_path)) as detector:
        batches: list[int] = []
        encode = detector.encode
        detector.encode = lambda crops: batches.append(len(crops)) or encode(crops)  # pyright: ignore[reportAttributeAccessIssue]
        source = SourcePlan(
            "crowd", lambda: ScriptedSource([crowded(n) for n in range(40)]), ScriptedFinder(lambda _: crowd())
        )
        run(Session([source], detector, sinks=[recorder]))
    last = [update for update in recorder.updates if len(update.faces) == 50][-1]
    assert sorted(face.track.track_id for face in last.faces) == list(range(1, 51))
    verdicts = [face.verdict for face in last.faces]
    assert (verdicts.count(Verdict.SIGNS), verdicts.count(Verdict.NO_SIGNS)) == (1, 49)
    samples = 40 * 40 // 100 + 1
    assert max(batches) <= 16
    assert len(batches) <= 4 * (samples + 2)


def test_a_crowd_before_a_slow_engine_is_no_hanging_engine(tmp_path: Path) -> None:
    """Each call is in time; only all the calls for one picture together take longer than an engine may."""
    with opened(package(tmp_path)) as detector:
        encode = detector.encode

        def slow(crops: Any) -> Any:
            time.sleep(0.3)
            return encode(crops)

        detector.encode = slow  # pyright: ignore[reportAttributeAccessIssue]
        pictures = [crowded(n) for n in range(7)]
        source = SourcePlan("crowd", lambda: ScriptedSource(pictures), ScriptedFinder(lambda _: crowd()))
        recorder = Recorder()
        run(Session([source], detector, SessionSettings(hang_after_s=1.0), sinks=[recorder]))
    assert [update.message for update in recorder.updates if update.message] == []
    assert len(recorder.updates[-2].faces) == 50
