"""``unmask bench throughput``: frames per second and processor time per frame, as fast as it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unmask.benchmarks.clocks import Stopwatch
from unmask.benchmarks.collector import Collector, Sample
from unmask.benchmarks.harness import Repeats, interleave
from unmask.benchmarks.memory_source import FinitePictures, read_pictures
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.tables import Value
from unmask.engines.errors import UnmaskError
from unmask.realtime.detector import Detector
from unmask.realtime.faces.registry import FaceFinderSettings
from unmask.realtime.session import Session
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.sources.video_file import VideoFileSource

NOTES = (
    "Nothing is dropped: the source waits for the analysis. From memory: no decoder in it; from the file: decoding "
    "included, the whole file at each pass. Scores are made at the detector's own stride, as always.",
)
_LONGEST_PASS_S = 600.0


@dataclass(frozen=True, slots=True)
class Pass:
    """One clip from its first frame to its last."""

    samples: list[Sample]
    wall_s: float
    cpu_s: float

    @property
    def cpu_ms(self) -> float:
        """Processor milliseconds per analysed frame."""
        return self.cpu_s * 1e3 / max(1, len(self.samples))

    @property
    def fps(self) -> float:
        return len(self.samples) / self.wall_s


def run_pass(
    subject: Subject,
    detector: Detector,
    make: Callable[[], FrameSource],
    *,
    faces: FaceFinderSettings | None = None,
    draw: bool = False,
) -> Pass:
    """A session over one finite source. Building it is not timed. Raises ``UnmaskError`` where it fails."""
    collector = Collector(draw=draw)
    session = Session([subject.plan("clip", make, faces)], detector, subject.session_settings, [collector])
    with Stopwatch() as spent, session:
        if not session.wait(_LONGEST_PASS_S):
            raise UnmaskError(
                f"The measurement took more than {_LONGEST_PASS_S:.0f} s for one clip: take a shorter one."
            )
    if session.failures:
        raise UnmaskError(f"The measurement failed: {session.failures[0]}")
    return Pass(collector.take_all(), spent.wall_s, spent.cpu_s)


def measure(
    subject: Subject, detector: Detector, clips: Sequence[Clip], effort: Effort
) -> tuple[list[Row], list[Plot], list[str]]:
    """Two rows per clip: from memory and from the file."""
    rows = []
    for clip in clips:
        subject.say(f"throughput: {clip.name} ...")
        pictures, fps = read_pictures(clip.path, effort.pictures)
        makers: dict[str, Callable[[], FrameSource]] = {
            f"{clip.name}, from memory": lambda p=pictures, f=fps: FinitePictures("clip", p, f, effort.frames),
            f"{clip.name}, from the file": lambda path=clip.path: VideoFileSource(path),
        }
        measures = {name: lambda m=make: run_pass(subject, detector, m) for name, make in makers.items()}
        for name, found in interleave(measures, lambda one: one.cpu_ms, effort.passes).items():
            rows.append(Row(name, row_of(found)))
    names = [row.name for row in rows]
    bars = [float(row.values["cpu_ms_per_frame"] or 0) for row in rows]
    plot = Plot("cpu", "Processor time per frame", "", "CPU-ms", [Line("CPU-ms per frame", names, bars)], "bar")
    return rows, [plot], list(NOTES)


def row_of(found: Repeats[Pass]) -> dict[str, Value]:
    one = found.representative
    return {
        "fps": found.median_of(lambda one: one.fps),
        "cpu_ms_per_frame": found.value,
        "cores": found.median_of(lambda one: one.cpu_s / one.wall_s),
        "frames": len(one.samples),
        "crops": sum(sample.crops for sample in one.samples),
        **found.as_values(),
    }
