"""The runs behind `unmask train evaluate`: packages and data sets put together with engines and scanner."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import re
import shlex
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from unmask.cli.evaluation_scoring import PackageScorer, Watcher, crops_note, speed_calls
from unmask.cli.options import face_settings
from unmask.engines.package import DetectorPackage, find_package, load_package
from unmask.realtime.detector import Detector
from unmask.realtime.faces.registry import make_face_finder
from unmask.realtime.scan.header import backing
from unmask.realtime.scan.scanner import ScanSettings
from unmask.realtime.verdict import threshold_for
from unmask.training.degrade import DEGRADATIONS, Degradation
from unmask.training.evaluation.passes import CLEAN, Progress, Watched, media_scores, score_crops, watch_media
from unmask.training.evaluation.recordings import RecordingRow, recording_row
from unmask.training.evaluation.report import Report, Run
from unmask.training.evaluation.result import Result, Settings, repeats, result_of
from unmask.training.evaluation.samples import CropSet, MediaItem, MediaSet, some_videos
from unmask.training.evaluation.timing import measure_speed
from unmask.training.evaluation.windows import score_windows, window_result
from unmask.training.lines import LINES

Say = Callable[[str], None]


def check_package(name: str, alarms_per_hour: float) -> DetectorPackage:
    """Before hours of work: is the package sound, and does it have the threshold?"""
    package = load_package(find_package(name))
    threshold_for(package.manifest, alarms_per_hour)
    return package


def evaluate(
    args: argparse.Namespace,
    packages: Sequence[DetectorPackage],
    sets: Sequence[CropSet | MediaSet],
    progress: Progress,
    say: Say,
) -> Report:
    """Every package on every data set; robustness, windows and lines of the first package alone."""
    runs = [
        evaluate_package(args, package, sets, progress, say, robust=number == 0)
        for number, package in enumerate(packages)
    ]
    repeated = {}
    if len(runs) > 1:
        names = [f"{number}: {package.folder.name}" for number, package in enumerate(packages, 1)]
        for place, data in enumerate(sets):
            by_run = {name: one.results[place].videos for name, one in zip(names, runs, strict=True)}
            repeated[data.name] = repeats(by_run)
    settings = {
        "alarms per hour of the threshold": args.alarms_per_hour,
        "draws of the bootstrap": args.rounds,
        "seed": args.seed,
    }
    machine = {name: version(name) for name in ("unmask", "onnxruntime", "numpy", "opencv-python", "av")}
    return Report(command_of(args), settings, runs, repeated, machine)


def evaluate_package(
    args: argparse.Namespace,
    package: DetectorPackage,
    sets: Sequence[CropSet | MediaSet],
    progress: Progress,
    say: Say,
    *,
    robust: bool,
) -> Run:
    with Detector.open(package, args.engine) as detector:
        manifest = detector.manifest
        threshold = threshold_for(manifest, args.alarms_per_hour)
        points = tuple((one.alarms_per_hour, one.score) for one in manifest.thresholds)
        settings = Settings(threshold.score, args.alarms_per_hour, args.rounds, args.seed, points)
        results = [evaluate_data(args, detector, data, settings, progress, say, robust=robust) for data in sets]
        facts = {
            "name": manifest.name,
            "version": manifest.version,
            "encoder sha256": manifest.files.encoder.sha256,
            "runtime": detector.provider,
            "threshold": threshold.score,
            "backing": backing(threshold),
            "calibration": manifest.calibration.method,
        }
        speed = measure_speed(*speed_calls(detector), manifest.input.size)
    return Run(facts, results, speed)


def evaluate_data(
    args: argparse.Namespace,
    detector: Detector,
    data: CropSet | MediaSet,
    settings: Settings,
    progress: Progress,
    say: Say,
    *,
    robust: bool,
) -> Result:
    degradations = list(DEGRADATIONS.values()) if robust and args.robustness else []
    if isinstance(data, CropSet):
        return _on_crops(args, detector, data, settings, progress, degradations, robust=robust)
    return _on_media(args, detector, data, settings, progress, degradations, say, robust=robust)


def _on_crops(
    args: argparse.Namespace,
    detector: Detector,
    data: CropSet,
    settings: Settings,
    progress: Progress,
    degradations: Sequence[Degradation],
    *,
    robust: bool,
) -> Result:
    data = dataclasses.replace(data, rows=some_videos(data.rows, args.most, args.seed))
    note = crops_note(data.rows, detector, args.crop_margin)
    scorer = PackageScorer(detector, args.crop_margin)
    passes = score_crops(
        data,
        scorer,
        degradations,
        degraded_rows=some_videos(data.rows, args.robustness, args.seed),
        seed=args.seed,
        progress=progress,
    )
    clean = passes.pop("")
    windows = None
    if robust and args.windows:
        rows, lines = some_videos(data.rows, args.windows, args.seed), tuple(LINES.values())
        found = score_windows(data, rows, scorer, lines, seed=args.seed, progress=progress)
        windows = window_result(
            found, LINES, scorer.length, settings.threshold, rounds=settings.rounds, seed=settings.seed
        )
    return result_of(data.name, "stored crops", data.split, clean, passes, settings, notes=[note], windows=windows)


def _on_media(
    args: argparse.Namespace,
    detector: Detector,
    data: MediaSet,
    settings: Settings,
    progress: Progress,
    degradations: Sequence[Degradation],
    say: Say,
    *,
    robust: bool,
) -> Result:
    items = some_videos(data.items, args.most, args.seed)
    stills = some_videos(tuple(item for item in items if item.still), args.robustness, args.seed)
    with contextlib.closing(make_face_finder(dataclasses.replace(face_settings(args), refresh_every=1), say)) as finder:
        watch = Watcher(detector, settings.threshold, finder, ScanSettings(args.alarms_per_hour, args.frames))
        clean, seen = watch_media(items, watch, progress=progress)
        degraded = {}
        if degradations and stills:
            chosen = {item.name for item in stills}
            degraded[CLEAN] = media_scores([pair for pair in seen if pair[0].name in chosen])
            for degradation in degradations:
                degraded[degradation.name], _ = watch_media(stills, watch, degradation, progress=progress)
        recordings = _after_lines(args, watch, seen, settings, progress) if robust and args.lines else ()
        notes = [*data.notes, f"Faces: {finder.description}."]
    kind = "recordings and pictures, by the live scanner"
    return result_of(
        data.name, kind, data.split, clean, degraded, settings, seen=seen, notes=notes, recordings=recordings
    )


def _after_lines(
    args: argparse.Namespace,
    watch: Watcher,
    seen: Sequence[tuple[MediaItem, Watched]],
    settings: Settings,
    progress: Progress,
) -> tuple[RecordingRow, ...]:
    """Recordings as they were watched, and watched again after each line."""
    items = some_videos(tuple(item for item, _ in seen if not item.still), args.lines, args.seed)
    if not items:
        return ()
    chosen = {item.name for item in items}
    rounds, seed = settings.rounds, settings.seed
    before = [pair for pair in seen if pair[0].name in chosen]
    rows = [recording_row(CLEAN, "as recorded", before, settings.threshold, rounds=rounds, seed=seed)]
    for line in LINES.values():
        _, after = watch_media(items, watch, line, progress=progress)
        rows.append(recording_row(line.name, line.words, after, settings.threshold, rounds=rounds, seed=seed))
    return tuple(rows)


def named_apart(sets: Sequence[CropSet | MediaSet]) -> list[CropSet | MediaSet]:
    """The sets with names that fit file names, no two alike."""
    named: list[CropSet | MediaSet] = []
    for data in sets:
        plain = re.sub(r"[^\w.-]+", "-", data.name).strip("-.") or "data"
        taken = {other.name for other in named}
        name = next(
            name for number in range(1, len(sets) + 1)
            if (name := plain if number == 1 else f"{plain}-{number}") not in taken
        )  # fmt: skip
        named.append(dataclasses.replace(data, name=name))
    return named


def command_of(args: argparse.Namespace) -> str:
    """The command that gives the same numbers, with the names of folders but no path of this machine."""
    folders = [args.package, *args.data]
    words = [Path(folder).resolve().name for folder in folders] + ["--split", args.split]
    for package in args.repeat:
        words += ["--repeat", Path(package).resolve().name]
    plain = {"alarms_per_hour": 1.0, "robustness": 1000, "windows": 0, "lines": 0,
             "crop_margin": None, "most": None, "frames": 4800, "rounds": 1000, "seed": 0,
             "layout": None, "compression": None, "engine": "auto", "face_finder": "auto", "face_size": "auto",
             "face_confidence": 0.5}  # fmt: skip
    for name, default in plain.items():
        value = getattr(args, name)
        if value != default:
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    for name in ("people", "face_model"):
        if getattr(args, name) is not None:
            words += [f"--{name.replace('_', '-')}", getattr(args, name).name]
    words += ["--no-plots"] if args.no_plots else []
    return " ".join(["unmask train evaluate", *map(shlex.quote, words), "--out REPORT"])
