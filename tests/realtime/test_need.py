from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from fake_detector import embedding_for, fake_detector, fake_manifest
from fakes import BLUE, ScriptedFinder, ScriptedSource, one_face, picture
from sessions import BOX, open_toy_detector, run

from unmask.engines.errors import SourceError, UsageError
from unmask.engines.manifest import Quality, Window
from unmask.realtime.faces.crop import CropSpec
from unmask.realtime.judge import FaceJudge
from unmask.realtime.need import Need, Needs, NeedSettings, reads_order
from unmask.realtime.selection import CropJob, CropSelector
from unmask.realtime.session import Session, SessionSettings, SourcePlan
from unmask.realtime.types import Cause, FaceBox, Frame, TrackedFace, Verdict

SETTINGS = NeedSettings(calm_s=2.0, far=0.5, spread=0.1, strides=2.0)
THRESHOLD = 0.8  # far: 0.4, spread: 0.08
IMAGE = np.random.default_rng(0).integers(60, 200, (240, 320, 3), dtype=np.uint8)
FACE = FaceBox(100, 60, 180, 160, 0.9)
WINDOW = Window(length=8, stride_ms=100, max_gap_ms=500, min_frames=4)


def need_after(*scores: float, step_s: float = 0.5, full: bool = True) -> Need:
    need = Need(SETTINGS, THRESHOLD)
    for number, score in enumerate(scores):
        need.scored(number * step_s, score, window_full=full)
    return need


def test_a_face_is_settled_after_a_calm_time_and_not_before() -> None:
    assert not need_after(0.1, 0.1, 0.1, 0.1).settled
    assert need_after(0.1, 0.1, 0.1, 0.1, 0.1).settled
    assert not need_after(*[0.1] * 9, full=False).settled


@pytest.mark.parametrize("score", [0.4, 0.5, 0.9, math.nan])
def test_near_the_threshold_no_face_is_settled(score: float) -> None:
    assert not need_after(*[score] * 20).settled


def test_scores_that_move_settle_nothing() -> None:
    assert not need_after(*[0.1, 0.2] * 10).settled
    assert not need_after(*[0.1 + 0.02 * step for step in range(14)]).settled, "a slow rise is one"


def test_the_first_higher_score_ends_it_at_once_and_a_lower_one_does_not() -> None:
    calm = [0.10, 0.14, 0.12, 0.12, 0.12]
    assert need_after(*calm, 0.14).settled
    assert need_after(*calm, 0.08).settled
    assert not need_after(*calm, 0.1401).settled
    assert not need_after(*calm, 0.1401, 0.14, 0.14, 0.14).settled, "it takes the whole calm time again"
    assert need_after(*calm, 0.1401, 0.14, 0.14, 0.14, 0.14).settled


def test_an_upset_and_a_jump_back_in_time_begin_anew() -> None:
    need = need_after(*[0.1] * 6)
    need.upset()
    need.scored(3.0, 0.1, window_full=True)
    assert not need.settled
    need = need_after(*[0.1] * 6)
    need.scored(0.0, 0.1, window_full=True)
    assert not need.settled


@pytest.mark.parametrize("wrong", [{"calm_s": 0.0}, {"far": 1.1}, {"spread": 0.0}, {"strides": 0.5}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="settled face"):
        NeedSettings(**wrong)


@pytest.mark.parametrize(
    ("stride_ms", "gap_ms", "now_s", "rest_s"),
    [
        (125, 600, 0.125, 0.125),
        (125, 600, 0.1875, 0.0),
        (100, 250, 0.1, 0.0),
        (300, 900, 0.3, 0.0),
        (50, 600, 0.05, 0.05),
    ],
)
def test_a_rest_is_whole_strides_within_what_the_window_bears(
    stride_ms: int, gap_ms: int, now_s: float, rest_s: float
) -> None:
    window = Window(length=8, stride_ms=stride_ms, max_gap_ms=gap_ms, min_frames=4)
    assert Needs(NeedSettings(), window).rest_s(now_s) == pytest.approx(rest_s)


def test_a_mean_reads_no_order_and_a_head_that_weighs_the_newest_does(monkeypatch: pytest.MonkeyPatch) -> None:
    detector, _, head = fake_detector()
    assert not reads_order(detector)
    weights = np.linspace(0, 1, detector.manifest.window.length, dtype=np.float32)
    monkeypatch.setattr(head, "answer", lambda arrays: {"logit": arrays["window"][:, :, 0] @ weights})
    assert reads_order(detector)
    monkeypatch.setattr(head, "answer", lambda arrays: {"logit": np.full(4, np.nan, np.float32)})
    assert reads_order(detector), "what gives no number is not trusted"


class Watch:
    """One face at 30 fps before selector and judge, its crops scored by a level that the test sets."""

    def __init__(self, need: NeedSettings | None, phase_s: float = 0.0) -> None:
        rule = {"smoothing_s": 0.5, "dwell_s": 0.5, "release_margin": 0.1, "release_s": 0.5}
        window = {"length": 8, "stride_ms": 100, "max_gap_ms": 500, "min_frames": 4}
        self.manifest = fake_manifest(rule=rule, window=window)
        detector, _, _ = fake_detector(self.manifest)
        self.judge = FaceJudge(detector, THRESHOLD, need=need)
        self.needs = Needs(need, self.manifest.window) if need is not None else None
        self.selector = CropSelector(CropSpec(32), Quality(), 0.1)
        self.time_s = phase_s
        self.crops: list[float] = []
        self.fills: list[float] = []

    def step(self, level: float, *causes: Cause, faces: int = 1) -> Verdict:
        if self.needs is not None:
            self.selector.resting, self.selector.rest_s = self.judge.settled, self.needs.rest_s(0.1)
        tracks = [TrackedFace(number, FACE, True, 0.0, self.time_s) for number in range(1, faces + 1)]
        jobs: tuple[CropJob, ...] = self.selector.select(Frame(IMAGE, 0, self.time_s, 0, "x"), tracks).jobs
        self.crops += [job.time_s for job in jobs]
        vectors = np.array([embedding_for(level, self.manifest) for _ in jobs], np.float32)
        said = self.judge.accept(
            self.time_s,
            tracks,
            jobs,
            vectors.reshape(len(jobs), self.manifest.embedding),
            {1: causes} if causes else {},
        )
        self.fills.append(said.faces[0].window_fill)
        self.time_s += 1 / 30
        return said.verdict

    def run(self, seconds: float, level: float, *causes: Cause, faces: int = 1) -> None:
        for _ in range(round(seconds * 30)):
            self.step(level, *causes, faces=faces)

    def rate(self, seconds: float) -> float:
        return sum(time_s > self.time_s - seconds for time_s in self.crops) / seconds


def test_a_steady_face_is_scored_half_as_often_and_its_window_stays_whole() -> None:
    watch = Watch(SETTINGS)
    watch.run(2.0, 0.45)
    assert watch.rate(1.0) == pytest.approx(10, abs=1)
    watch.run(6.0, 0.45)
    assert watch.rate(3.0) == pytest.approx(5, abs=0.4)
    assert max(np.diff(watch.crops)) <= 0.2 + 1 / 30
    full = watch.fills.index(1.0)
    assert set(watch.fills[full:]) == {1.0}, "nothing was spliced or reset"


def test_without_the_setting_nothing_rests() -> None:
    watch = Watch(None)
    watch.run(8.0, 0.45)
    assert watch.judge.settled == frozenset()
    assert watch.rate(3.0) == pytest.approx(10, abs=0.5)


def test_steady_faces_rest_together_so_that_one_search_serves_them() -> None:
    watch = Watch(SETTINGS)
    watch.run(2.05, 0.45)
    watch.run(9.0, 0.45, faces=3)
    assert watch.judge.settled == {1, 2, 3}
    late = [time_s for time_s in watch.crops if time_s > watch.time_s - 3]
    assert len(late) == pytest.approx(3 * 15, abs=4)
    assert len(set(late)) == pytest.approx(15, abs=2)


@pytest.mark.parametrize("phase", range(6))
def test_a_face_that_changes_is_noticed_as_soon_as_before_within_a_stride_or_two(phase: int) -> None:
    def alarm_after(need: NeedSettings | None, level: float) -> float:
        watch = Watch(need)
        watch.run(8.0 + phase / 30, 0.45)
        begin = watch.time_s
        while watch.step(level) is not Verdict.SIGNS:
            assert watch.time_s < begin + 10
        return watch.time_s - begin

    for level in (0.9, 0.62):
        assert alarm_after(SETTINGS, level) <= alarm_after(None, level) + 0.2 + 1e-6


def test_after_the_first_higher_score_every_stride_is_scored_again() -> None:
    watch = Watch(SETTINGS)
    watch.run(8.0, 0.45)
    watch.run(0.3, 0.47)  # a tenth of a logit in one of eight crops
    watch.run(1.5, 0.47)
    assert watch.rate(1.5) == pytest.approx(10, abs=1)


def test_a_look_that_cannot_be_judged_ends_the_rest() -> None:
    watch = Watch(SETTINGS)
    watch.run(8.0, 0.45)
    assert watch.judge.settled
    watch.run(0.1, 0.45, Cause.BLURRED)
    assert not watch.judge.settled


def test_another_threshold_begins_anew() -> None:
    watch = Watch(SETTINGS)
    watch.run(8.0, 0.45)
    watch.judge.retune(0.3)
    assert not watch.judge.settled
    watch.run(8.0, 0.45)
    assert not watch.judge.settled, "what was far below the old threshold is near this one"


def test_only_a_steady_face_of_a_live_source_is_scored_less_often(tmp_path: Path) -> None:
    steps = [step for number in range(60) for step in (picture((BOX, BLUE), seed=number), 0.03)]

    def crops(need: NeedSettings | None, live: bool) -> int:
        made = SourcePlan(
            "fake",
            lambda: ScriptedSource([*steps, SourceError("gone")] if live else steps[::2], live=live),
            ScriptedFinder(one_face(BOX)),
        )
        with open_toy_detector(tmp_path) as detector:
            update = run(Session([made], detector, SessionSettings(need=need)))["fake"]
        return update.counters.scored_crops

    need = NeedSettings(calm_s=0.3)
    assert crops(need, live=True) < 0.85 * crops(None, live=True)
    assert crops(need, live=False) == crops(None, live=False)
