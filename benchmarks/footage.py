"""A detector over recorded footage, by the whole live path, as fast as it goes.

``python -m unmask.benchmarks.footage DETECTOR CLIP... --face-model FILE --json OUT`` counts the alarms
at each of the detector's thresholds: on genuine footage they are the false alarms. With ``--halves``
each clip is side by side, the left half genuine and the right half swapped, and each half is watched
as a clip of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import SourceError, ends_with_a_sentence
from unmask.engines.package import find_package, load_package
from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
from unmask.realtime.follow import FaceFollower
from unmask.realtime.judge import FaceJudge
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.selection import CropSelector
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.tracking.tracker import Tracker
from unmask.realtime.types import Frame, Verdict
from unmask.realtime.writing import write_whole


@dataclass(frozen=True, slots=True)
class Watched:
    """One clip (or half of one). ``score`` is the calibrated mean logit of all crops, ``None`` where none
    was scored; ``judged_seconds`` is the time with a verdict on some face at the loosest threshold;
    ``alarms`` counts events by the false-alarm budget of the threshold."""

    clip: str
    half: str
    seconds: float
    judged_seconds: float
    crops: int
    score: float | None
    alarms: dict[str, int]


def frames_of(path: Path, half: str = "") -> Iterator[Frame]:
    """The frames of a video file, or of its ``left`` or ``right`` half."""
    source = VideoFileSource(path)
    source.open()
    try:
        while (frame := source.read()) is not None:
            middle = frame.width // 2
            if half:
                part = frame.image[:, :middle] if half == "left" else frame.image[:, middle:]
                frame = dataclasses.replace(frame, image=np.ascontiguousarray(part))
            yield frame
    finally:
        source.close()


def watch(detector: Detector, finder: FaceFinder, frames: Iterator[Frame], clip: str, half: str) -> Watched:
    """Run every frame through detection, tracking, cropping, encoding and one judge per threshold."""
    manifest = detector.manifest
    follower = FaceFollower(finder, Tracker(), PictureHealth())
    selector = CropSelector(detector.crop_spec, manifest.quality, manifest.window.stride_ms / 1000)
    budgets = sorted(manifest.thresholds, key=lambda threshold: -threshold.alarms_per_hour)
    judges = [FaceJudge(detector, threshold.score) for threshold in budgets]
    alarms = [0] * len(judges)
    embeddings: list[NDArray[np.float32]] = []
    judged_s, last_s, first_s = 0.0, None, None
    for frame in frames:
        followed = follower.follow(frame)
        selection = selector.select(frame, followed.faces)
        crops = [job.crop for job in selection.jobs]
        found = detector.encode(np.stack(crops)) if crops else np.empty((0, manifest.embedding), np.float32)
        embeddings.append(found)
        for number, judge in enumerate(judges):
            said = judge.accept(frame.time_s, followed.faces, selection.jobs, found, selection.causes, followed.causes)
            alarms[number] += len(said.ended)
            if number == 0 and last_s is not None and said.verdict is not Verdict.CANNOT_JUDGE:
                judged_s += frame.time_s - last_s
        first_s = frame.time_s if first_s is None else first_s
        last_s = frame.time_s
    for number, judge in enumerate(judges):
        alarms[number] += len(judge.finish())
    seconds = 0.0 if first_s is None or last_s is None else last_s - first_s
    rows = np.concatenate(embeddings) if embeddings else np.empty((0, manifest.embedding), np.float32)
    counts = {f"{threshold.alarms_per_hour:g}": n for threshold, n in zip(budgets, alarms, strict=True)}
    return Watched(clip, half, seconds, judged_s, len(rows), mean_score(detector, rows), counts)


def mean_score(detector: Detector, embeddings: NDArray[np.float32]) -> float | None:
    """The calibrated score of the mean of the single crops' logits."""
    if not len(embeddings):
        return None
    length = detector.manifest.window.length
    windows = np.zeros((len(embeddings), length, embeddings.shape[1]), np.float32)
    masks = np.zeros((len(embeddings), length), np.float32)
    windows[:, 0], masks[:, 0] = embeddings, 1.0
    logits = detector.judge(windows, masks)
    return float(detector.score(np.asarray([logits.mean()], np.float32))[0])


def clips_in(paths: Sequence[Path]) -> list[Path]:
    """The files among ``paths`` and the videos in the folders among them."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.mp4")) if path.is_dir() else [path]
    return found


def run(options: argparse.Namespace, say: Callable[[str], None] = print) -> list[Watched]:
    package = load_package(find_package(options.detector))
    settings = FaceFinderSettings(kind="scrfd", model=options.face_model)
    rows: list[Watched] = []
    with Detector.open(package, options.engine) as detector:
        for path in clips_in(options.clips):
            for half in ("left", "right") if options.halves else ("",):
                finder = make_face_finder(settings, say)
                try:
                    row = watch(detector, finder, frames_of(path, half), path.name, half)
                finally:
                    finder.close()
                rows.append(row)
                score = "no score" if row.score is None else f"score {row.score:.3f}"
                say(
                    f"{row.clip} {row.half}: {row.seconds:.1f} s, judged {row.judged_seconds:.1f} s, "
                    f"{row.crops} crops, {score}, alarms {row.alarms}"
                )
    if options.json:
        manifest = package.manifest
        clips = [asdict(row) for row in rows]
        facts = {"detector": manifest.name, "version": manifest.version, "clips": clips}
        write_whole(options.json, json.dumps(facts, indent=2) + "\n")
    return rows


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m unmask.benchmarks.footage", description=__doc__)
    parser.add_argument("detector", help="name or folder of a detector package")
    parser.add_argument("clips", nargs="+", type=Path, help="video files, or folders of them")
    parser.add_argument("--halves", action="store_true", help="side by side: left genuine, right swapped")
    parser.add_argument("--face-model", type=Path, help="SCRFD file (default: the installed pack)")
    parser.add_argument("--engine", default="ort-cpu")
    parser.add_argument("--json", type=Path, help="write what was seen to this file")
    rows = run(parser.parse_args(argv))
    if not rows:
        raise SourceError("There is no video among these paths: give files or folders of .mp4.")
    hours = sum(row.seconds for row in rows) / 3600
    print(f"{len(rows)} clips, {hours * 60:.1f} minutes")


if __name__ == "__main__":
    raise SystemExit(main())
