"""What a scan finds and follows in given clips, as a Markdown table: end-to-end, with no ground truth.

``python -m unmask.benchmarks.clips --face-model FILE [--detector NAME] CLIP... [--halves PAIR...]`` runs
the scanner of `unmask scan` over every clip. A clip given with ``--halves`` is two pictures side by side,
by the caller's word the left one as it is and the right one swapped: each half is scanned as a clip of its
own, cut in memory. A table of a few clips shows what the program does with them; it measures no accuracy.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from unmask.engines.errors import UsageError, ends_with_a_sentence
from unmask.engines.package import find_package, load_package
from unmask.realtime.detector import Detector
from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
from unmask.realtime.follow import Followed
from unmask.realtime.scan.header import report_header
from unmask.realtime.scan.items import ScanItem, expand
from unmask.realtime.scan.results import ItemFinding
from unmask.realtime.scan.sampling import Sample
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.sources.base import SourceInfo
from unmask.realtime.sources.registry import SourceOptions
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.tracking.cuts import CutFinder
from unmask.realtime.types import Cause, FaceBox, Frame
from unmask.realtime.verdict import threshold_for
from unmask.realtime.writing import write_whole

Side = Literal["left", "right"]
SIDES: dict[Side, str] = {"left": "left half (as it is)", "right": "right half (swapped)"}

#: A new track this soon after another one was last seen, and this much over it, counts as a switch.
SWITCH_WITHIN_S = 3.0
SWITCH_OVERLAP = 0.3


class HalfSource(VideoFileSource):
    """One half of a video file whose pictures stand side by side. Nothing is written."""

    def __init__(self, path: Path, side: Side, source_id: str) -> None:
        super().__init__(path, source_id)
        self._side = side

    def _open(self) -> SourceInfo:
        info = super()._open()
        middle = info.width // 2
        return replace(info, width=middle if self._side == "left" else info.width - middle)

    def _convert(self, decoded: Any, time_s: float) -> Frame:
        frame = super()._convert(decoded, time_s)
        middle = frame.width // 2
        part = frame.image[:, :middle] if self._side == "left" else frame.image[:, middle:]
        part = np.ascontiguousarray(part)
        part.flags.writeable = False
        return replace(frame, image=part)


@dataclass(slots=True)
class _Seen:
    """Where and when a track was last detected."""

    box: FaceBox
    time_s: float


class FollowTally:
    """Counts what the tracker did with one clip: an observer of the scanner.

    ``switches`` estimates how often a face lost its identity. Without ground truth it is the number of
    tracks that begin where another track, not detected at that moment, was last detected less than
    ``SWITCH_WITHIN_S`` before with an overlap (IoU) of more than ``SWITCH_OVERLAP``, in the same shot: what
    was before a cut or in another stretch of the sampling does not count. Somebody who takes another's
    seat within that time is counted wrongly; two people who exchange their numbers are missed, and so is
    whatever happens at a wild pan that is taken for a cut: ``cuts`` says how many there were.
    """

    def __init__(self) -> None:
        self.frames = self.boxes = self.switches = self.cuts = 0
        self.tracks: set[int] = set()
        self._seen: dict[int, _Seen] = {}
        self._cut_finder = CutFinder()

    def __call__(self, sample: Sample, followed: Followed) -> None:
        self._end_shot(sample, followed)
        here = {face.track_id: face for face in followed.faces if face.detected}
        self.frames += 1
        self.boxes += len(here)
        for track_id, face in here.items():
            if track_id not in self.tracks:
                self.tracks.add(track_id)
                self.switches += any(
                    face.first_s - seen.time_s < SWITCH_WITHIN_S and face.face.overlap(seen.box) > SWITCH_OVERLAP
                    for other, seen in self._seen.items()
                    if other not in here
                )
        self._seen.update({track_id: _Seen(face.face, sample.frame.time_s) for track_id, face in here.items()})

    def _end_shot(self, sample: Sample, followed: Followed) -> None:
        """Forget every track at a cut, by the very rule that the follower cuts by."""
        if sample.fresh:
            self._cut_finder.reset()
            self._seen.clear()
        if Cause.PICTURE_BLACK not in followed.causes and self._cut_finder.cut(sample.frame.image):
            self.cuts += 1
            self._seen.clear()

    @property
    def faces_per_frame(self) -> float:
        return self.boxes / self.frames if self.frames else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One clip, or half of one: what the scan says and how the faces were followed."""

    clip: str
    finding: ItemFinding
    tally: FollowTally

    def as_json(self) -> dict[str, Any]:
        followed = {
            "tracks": len(self.tally.tracks),
            "faces_per_frame": round(self.tally.faces_per_frame, 3),
            "track_switches": self.tally.switches,
            "cuts": self.tally.cuts,
        }
        return {"clip": self.clip, **followed, **self.finding.as_json()}

    def as_markdown(self) -> str:
        found = self.finding
        if found.error and not found.frames_analysed:
            return f"| {self.clip} | - | 0 | - | - | - | - | - | could not be read | - | {found.error} |"
        causes = ", ".join(cause.words for cause in found.causes) or "-"
        cells = [
            self.clip,
            "-" if found.duration_s is None else f"{found.duration_s:.1f}",
            str(found.frames_analysed),
            f"{found.face_share:.1%}",
            str(len(self.tally.tracks)),
            f"{self.tally.faces_per_frame:.2f}",
            str(self.tally.switches),
            str(self.tally.cuts),
            found.verdict.words,
            "-" if found.score is None else f"{found.score:.3f}",
            causes,
        ]
        return f"| {' | '.join(cells)} |"


COLUMNS = (
    "clip",
    "seconds",
    "frames analysed",
    "with a face",
    "faces (tracks)",
    "visible faces per frame (mean)",
    "track switches (estimate)",
    "cuts",
    "verdict",
    "score",
    "causes",
)


def half_items(given: Sequence[str]) -> Iterator[ScanItem]:
    """Both halves of every video among ``given`` (files and folders), the left one first."""
    for item in expand(given, SourceOptions()):
        if item.make is None:
            yield item
            continue
        if item.kind != "video" or not Path(item.path).is_file():
            raise UsageError(f"{item.path} has no halves: give --halves video files, or folders of them.")
        for side, words in SIDES.items():
            make = functools.partial(HalfSource, Path(item.path), side, f"{item.path} {side}")
            yield ScanItem(f"{item.path}, {words}", "video", make)


def measure(scanner: Scanner, items: Sequence[ScanItem], say: Callable[[str], None]) -> list[Row]:
    """Scan ``items`` one after another; ``say`` gets each one's line of the table as soon as it is done."""
    rows = []
    for item in items:
        tally = FollowTally()
        finding = scanner.scan(item, observe=tally)
        row = Row(_short(item.path), finding, tally)
        rows.append(row)
        say(row.as_markdown())
    return rows


def _short(path: str) -> str:
    """The clip's name without its folders; archives keep the member's."""
    return path.rsplit("/", 1)[-1].replace("|", "/")


def run(options: argparse.Namespace, say: Callable[[str], None]) -> list[Row]:
    settings = ScanSettings(alarms_per_hour=options.alarms_per_hour, most_frames=options.frames)
    items = [*expand(options.clips, SourceOptions()), *half_items(options.halves)]
    if not items:
        raise UsageError("There is nothing to look at: give clips, or --halves with side-by-side clips.")
    # As in `unmask scan`: the moments lie too far apart for a finder that saves work between frames.
    faces = FaceFinderSettings(options.face_finder, options.face_model, refresh_every=1)
    with contextlib.ExitStack() as stack:
        package = load_package(find_package(options.detector))
        detector = stack.enter_context(Detector.open(package, options.engine))
        threshold = threshold_for(detector.manifest, settings.alarms_per_hour)
        finder = make_face_finder(faces, lambda line: print(line, file=sys.stderr))
        stack.callback(finder.close)
        header = report_header([(detector, threshold)], finder.description, settings)
        say("| " + " | ".join(COLUMNS) + " |")
        say("|---|" + "---:|" * 7 + "---|---:|---|")
        rows = measure(Scanner([(detector, threshold.score)], finder, settings), items, say)
    facts = header["detector"]
    say(f"\n{facts['name']} {facts['version']} on {facts['engine']}. {facts['backing']}")
    say(f"Faces: {header['settings']['face finder']}.")
    say(
        "A track is shown from its second detection on, so the first frame of every shot counts as one without a "
        f"face. A switch: a track that begins within {SWITCH_WITHIN_S:g} s and with an overlap over {SWITCH_OVERLAP:g} "
        "of where another one was last seen in the same shot; an estimate, there is no ground truth."
    )
    if options.json is not None:
        report = {"version": 1, **header, "clips": [row.as_json() for row in rows]}
        write_whole(options.json, json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    return rows


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m unmask.benchmarks.clips",
        description="What a scan finds and follows in clips, and what it says of them, as a Markdown table.",
    )
    made.add_argument("clips", nargs="*", metavar="CLIP", help="anything that `unmask scan` takes")
    made.add_argument("--halves", nargs="+", metavar="PAIR", default=[], help="clips of two pictures side by side")
    made.add_argument("--detector", default="unmask-lite", help="a detector package by name or folder")
    made.add_argument("--engine", default="auto")
    made.add_argument("--face-finder", choices=("auto", "scrfd", "yunet", "cascade"), default="auto")
    made.add_argument("--face-model", type=Path, help="an SCRFD or YuNet ONNX file")
    made.add_argument("--alarms-per-hour", type=float, default=1.0, help="the false alarms accepted (default 1)")
    made.add_argument("--frames", type=int, default=1200, help="analyse at most so many frames per clip")
    made.add_argument("--json", type=Path, help="write all that was found to this file")
    return made


@ends_with_a_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 2 when nothing could be read."""
    rows = run(parser().parse_args(argv), functools.partial(print, flush=True))
    return 2 if all(row.finding.frames_analysed == 0 for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
