"""The measurements on small things: sources in memory, the search for streams, the soak's verdict, a toy detector."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import ColourFinder, write_video
from fakes import RED, ScriptedFinder, one_face, picture
from sessions import BOX
from toy_package import build_toy_package

from unmask.benchmarks import soak
from unmask.benchmarks.baseline import PlainLoop
from unmask.benchmarks.harness import StopRule
from unmask.benchmarks.live import LiveWatch
from unmask.benchmarks.memory_source import FinitePictures, LivePictures, forth_and_back, read_pictures
from unmask.benchmarks.other_size import at_size
from unmask.benchmarks.pipeline import recall
from unmask.benchmarks.plain_parts import DefaultSession, as_it_is, caching, reencoding, split_front
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.soak import AgeLog, watch_long
from unmask.benchmarks.soak_verdict import SoakSample, verdict, words_of
from unmask.benchmarks.streams import Bound, Trial, best_of, search_most
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.throughput import run_pass
from unmask.benchmarks.watch_command import command_for
from unmask.benchmarks.window_cache import GOAL_PX, IN_ONE, measure, row_name
from unmask.engines.errors import SourceError
from unmask.engines.options import EngineOptions
from unmask.engines.package import DetectorPackage, load_package
from unmask.realtime.faces.registry import FaceFinderSettings
from unmask.realtime.session import Session
from unmask.realtime.types import FaceBox

TINY = Effort(calls=2, passes=StopRule(bound=10.0, last=2, most=2, warm_up=0))


@pytest.fixture
def package(tmp_path: Path) -> DetectorPackage:
    return load_package(build_toy_package(tmp_path / "toy", quality={"min_face_px": 20}))


@pytest.fixture
def subject(package: DetectorPackage, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """The toy detector, with a finder that always says the same face."""
    monkeypatch.setattr(Subject, "make_finder", lambda *_: ScriptedFinder(one_face(BOX)))
    return Subject(package, "ort-cpu", "fp32", EngineOptions(), FaceFinderSettings("cascade"), lambda _: None)


PICTURES = [picture((BOX, RED), seed=number) for number in range(12)]


def test_pictures_go_forth_and_back_without_a_jump() -> None:
    places = [forth_and_back(number, 4) for number in range(8)]
    assert places == [0, 1, 2, 3, 2, 1, 0, 1]
    assert [forth_and_back(number, 2) for number in range(4)] == [0, 1, 0, 1]


def test_a_finite_source_gives_so_many_frames() -> None:
    source = FinitePictures("x", PICTURES[:3], 10.0, 5)
    source.open()
    frames = [source.read() for _ in range(6)]
    assert [frame.time_s for frame in frames if frame] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert frames[-1] is None


def test_a_live_frame_is_dated_when_it_was_due_and_overtaken_ones_are_counted() -> None:
    source = LivePictures("x", PICTURES, 50.0)
    source.open()
    first = source.read()
    threading.Event().wait(0.11)  # the reader is late: at least four frames are due meanwhile
    later = source.read()
    assert first is not None
    assert later is not None
    steps = round((later.captured_at - first.captured_at) / 20e6)
    assert later.captured_at - first.captured_at == pytest.approx(steps * 20e6, abs=2)
    assert source.overtaken == steps - 1 >= 4
    source.close()


def test_live_sources_share_a_beat_or_lie_between_its_frames() -> None:
    period = 20e6
    sources = [LivePictures("x", PICTURES, 50.0, phase=phase) for phase in (0.0, 0.0, 0.25)]
    frames = []
    for source in sources:
        source.open()
        frames.append(source.read())
    first, same, between = (frame.captured_at for frame in frames if frame)
    assert (same - first) % period == pytest.approx(0, abs=3) or (first - same) % period == pytest.approx(0, abs=3)
    assert (between - first) % period == pytest.approx(period / 4, abs=3)
    for source in sources:
        source.close()


def test_a_clip_of_one_picture_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "one.mp4", PICTURES[:1])
    with pytest.raises(SourceError, match="fewer than two"):
        read_pictures(path, 5)


@pytest.mark.parametrize("most", [0, 1, 2, 3, 5, 7, 8, 16])
def test_the_search_finds_the_largest_number_and_tries_each_once(most: int) -> None:
    tried: list[int] = []

    def holds(number: int) -> bool:
        tried.append(number)
        return number <= most

    assert search_most(holds, 16) == most
    assert len(tried) == len(set(tried))
    assert max(tried) <= 16


def test_the_search_stops_at_its_limit() -> None:
    assert search_most(lambda _: True, 5) == 5


def test_a_trial_fails_on_its_tail_its_drops_or_a_silent_stream() -> None:
    bound = Bound(p99_ms=50.0, drop_share=0.01)
    assert Trial(2, 49.0, 0.0, 1.0, 0).holds(bound)
    assert not Trial(2, 51.0, 0.0, 1.0, 0).holds(bound)
    assert not Trial(2, 49.0, 0.02, 1.0, 0).holds(bound)
    assert not Trial(2, 49.0, 0.0, 1.0, 1).holds(bound)
    assert not Trial(2, float("nan"), 0.0, 1.0, 0).holds(bound)


@pytest.mark.parametrize(
    ("p99s", "holds", "tried", "median"),
    [([49, 48], True, 2, 48.5), ([90, 49, 48], True, 3, 49), ([49, 90, 91], False, 3, 90), ([90, 91], False, 2, 90.5)],
)
def test_most_tries_decide_and_no_more_are_made_than_that_takes(p99s, holds, tried, median) -> None:
    runs = iter(Trial(2, float(p99), 0.0, 1.0, 0) for p99 in [*p99s, 0, 0])
    answer = best_of(3, lambda: next(runs), Bound(p99_ms=50.0))
    assert (answer.holds, len(answer.tries)) == (holds, tried)
    assert answer.median(lambda trial: trial.p99_ms) == median


def soak_samples(growth: float = 0.0, threads: int = 5, count: int = 40) -> list[SoakSample]:
    last = count - 1
    return [
        SoakSample(n, 100.0 * (1 + growth * n / last), 5 if n < last else threads, 9, 5, 9, 30, 0, 0.5, n)
        for n in range(count)
    ]


def test_a_flat_run_is_flat_and_growth_is_named() -> None:
    calm = [10.0] * 100
    assert words_of(verdict(soak_samples(), calm, calm)).startswith("Flat")
    assert "memory" in words_of(verdict(soak_samples(growth=0.05), calm, calm))
    assert "threads" in words_of(verdict(soak_samples(threads=6), calm, calm))
    assert "p99" in words_of(verdict(soak_samples(), calm, [11.5] * 100))
    assert words_of(verdict(soak_samples(), calm, [10.9] * 100)).startswith("Flat")
    assert words_of(verdict(soak_samples(growth=-0.3), calm, [5.0])).startswith("Flat")  # less is no fault


def test_a_short_run_cannot_tell() -> None:
    assert "Cannot tell" in words_of(verdict(soak_samples(count=20), [1.0], [1.0]))
    assert "Cannot tell" in words_of(verdict([], [], []))


def test_the_log_of_ages_does_not_grow() -> None:
    ages = AgeLog(2)
    for number in range(4):
        ages.add(number, 10.0 * number)
    assert ages.between(0, 9) == [0.0, 10.0]
    assert ages.lost == 2


def test_recall_counts_the_faces_that_are_shown() -> None:
    box, away = FaceBox(0, 0, 10, 10, 0.9), FaceBox(50, 50, 60, 60, 0.9)
    assert recall({0: [box], 1: [box], 2: [box, away]}, {1: [box], 2: [box]}, begin=1) == pytest.approx(2 / 3)
    assert recall({}, {}) is None


def test_a_pass_sees_every_frame_and_counts_the_crops(subject: Subject) -> None:
    with subject.open_detector() as detector:
        done = run_pass(subject, detector, lambda: FinitePictures("clip", PICTURES, 25.0, 30), draw=True)
    assert [sample.index for sample in done.samples] == list(range(30))
    assert 0 < sum(sample.crops for sample in done.samples) < 30
    assert done.cpu_ms > 0


def test_a_live_watch_measures_and_a_soak_stops_when_told(subject: Subject, no_leaks: None) -> None:
    stop = threading.Event()
    with subject.open_detector() as detector:
        watch = LiveWatch(subject, detector, PICTURES, 60.0, streams=2)
        with watch.session:
            run = watch.watch(0.6)
            threading.Timer(0.3, stop.set).start()
            samples = watch_long(watch, AgeLog(1000), 60.0, 0.1, stop, lambda _: None)
    assert {sample.source_id for sample in run.samples} == {"memory-0", "memory-1"}
    assert run.due >= 60
    assert all(sample.score_ms > 0 for sample in run.scored)
    assert 1 <= len(samples) <= 10
    assert samples[0].threads


def test_the_cached_window_gives_the_same_bits_as_the_reencoded_one(subject: Subject) -> None:
    """Also at the size that the goal is stated for, with the toy's own weights (64 px) in a graph of 224 px."""
    with subject.open_detector() as detector:
        rows, plots, notes = measure(subject, detector, TINY)
    assert [row.values["same_bits"] for row in rows] == [True] * 6
    assert [row.name for row in rows][1::3] == [row_name(IN_ONE, 64), row_name(IN_ONE, GOAL_PX)]
    assert len(plots[0].lines[0].y) == 6
    assert "its scores mean nothing there" in notes[-1]


def test_another_size_is_for_the_plain_network_only(subject: Subject) -> None:
    with at_size(replace(subject, precision="fp16"), 224) as (detector, words):
        assert detector is None
        assert "fp32 on ort-cpu only" in words


def test_the_command_that_is_timed_at_start_up_is_one_that_the_program_takes(subject: Subject, tmp_path: Path) -> None:
    from unmask.cli.main import build_parser

    clip = Clip("clip", tmp_path / "clip.mp4", 1)
    args = build_parser("watch").parse_args(command_for(subject, clip, tmp_path / "log.jsonl"))
    assert (args.headless, args.realtime, args.face_finder, args.engine) == (True, True, "cascade", "ort-cpu")


def test_a_soak_that_breaks_off_keeps_what_it_measured(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = Clip("clip", write_video(tmp_path / "clip.mp4", PICTURES), 1)
    failures = ["The card is gone."]
    monkeypatch.setattr(Session, "failures", property(lambda _: failures))
    with subject.open_detector() as detector:
        rows, _, notes, details, complete = soak.measure(
            subject, detector, clip, seconds=30, every_s=0.1, warm_s=0.1, stop=threading.Event(), pictures=12
        )
    assert (complete, details["failures"]) == (False, failures)
    assert any("broke off" in note and "The card is gone." in note for note in notes)
    assert rows


def test_the_plain_loop_gives_the_same_logits_with_every_lever(package: DetectorPackage, tmp_path: Path) -> None:
    path = write_video(tmp_path / "red.mp4", [picture((BOX, RED), seed=number) for number in range(15)])
    manifest = package.manifest
    front = split_front(package.encoder_path)
    network = front.model if front else str(package.encoder_path)
    prepare = front.prepare if front else as_it_is
    head, lean = DefaultSession(str(package.head_path)), DefaultSession(str(package.encoder_path), lean=True)
    encoder, finder = DefaultSession(network), ColourFinder()
    with_parts = [
        (prepare, reencoding(encoder, head, manifest)),
        caching(encoder, head, manifest, prepare),
        caching(lean, head, manifest, as_it_is),
    ]
    from unmask.realtime.faces.crop import CropSpec

    spec = CropSpec(manifest.input.size, manifest.crop.margin, manifest.crop.align, manifest.input.colour)
    runs = [PlainLoop(path, finder.find, *parts, manifest, spec).run() for parts in with_parts]
    assert runs[0].frames == 15
    # 25 fps and a stride of 0.1 s: every second or third frame.
    assert 5 <= len(runs[0].logits) <= 8
    for other in runs[1:]:
        assert other.logits.keys() == runs[0].logits.keys()
        assert np.allclose([*other.logits.values()], [*runs[0].logits.values()], atol=1e-3)


def test_the_plain_loop_refuses_what_is_no_video(package: DetectorPackage, tmp_path: Path) -> None:
    from unmask.realtime.faces.crop import CropSpec

    loop = PlainLoop(tmp_path / "x.mp4", lambda _: [], as_it_is, lambda _: 0.0, package.manifest, CropSpec(64))
    with pytest.raises(SourceError, match="cannot open"):
        loop.run()
