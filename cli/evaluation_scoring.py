"""What an evaluation is handed: a detector package on stored crops, and the scanner on recordings."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.engines.errors import SourceError, UnmaskError, UsageError
from unmask.engines.manifest import Quality
from unmask.realtime.detector import Detector
from unmask.realtime.faces.crop import crop_face
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.follow import Followed
from unmask.realtime.quality import assess
from unmask.realtime.scan.items import ScanItem
from unmask.realtime.scan.records import held_level
from unmask.realtime.scan.results import ItemFinding
from unmask.realtime.scan.sampling import Sample
from unmask.realtime.scan.scanner import Scanner, ScanSettings
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.sources.images import FolderSource, ImageSource, decode_image
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.types import Cause, FaceBox, Frame, Image
from unmask.realtime.verdict import HOLD_S
from unmask.realtime.window import FrameWindow
from unmask.training.degrade import Degradation
from unmask.training.evaluation.passes import StoredCrop, Watched
from unmask.training.lines import Line
from unmask.training.prepare.index import PreparedCrop
from unmask.training.prepare.items import SourceItem


class PackageScorer:
    """An open detector on stored crops: the crop function, quality gate, window and head of the live monitor.

    Of the gate a stored crop without a face box only tells size, sharpness and light; with one also the
    turn of the head and what is cut off. ``margin`` is how far crops without a face box reach, by default as far
    as the detector asks for; what it wants beyond is mirrored, as at a picture's edge.
    """

    def __init__(self, detector: Detector, margin: float | None = None) -> None:
        self._detector = detector
        self._spec = detector.crop_spec
        window = detector.manifest.window
        self._stride_s, self._gap_s = window.stride_ms / 1000, window.max_gap_ms / 1000
        self.length, self.least = window.length, window.min_frames
        self.margin = margin or detector.crop_spec.margin
        self.single_image = detector.manifest.single_image

    def encode(self, crops: Sequence[StoredCrop]) -> tuple[NDArray[np.float32], list[tuple[str, ...]]]:
        """See ``CropScorer.encode``."""
        looks = [self._look(crop) for crop in crops]
        causes = [against for _, against in looks]
        vectors = np.full((len(crops), self._detector.manifest.embedding), np.nan, np.float32)
        clear = [n for n, against in enumerate(causes) if not against]
        if clear:
            vectors[clear] = self._detector.encode(np.stack([looks[n][0] for n in clear]))
        for n in clear:
            if not np.isfinite(vectors[n]).all():
                causes[n] = (Cause.DETECTOR_UNAVAILABLE.value,)
        return vectors, causes

    def score(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """See ``CropScorer.score``. Crops of one window stand a stride apart, whatever lay between them."""
        manifest = self._detector.manifest
        filled = np.empty((len(windows), self.length, manifest.embedding), np.float32)
        masks = np.empty((len(windows), self.length), np.float32)
        for row, vectors in enumerate(windows):
            window = FrameWindow(self.length, manifest.embedding, self._stride_s, self._gap_s)
            for step, vector in enumerate(vectors):
                window.add(step * self._stride_s, vector)
            window.copy_to(filled[row], masks[row])
        return self._detector.score(self._detector.judge(filled, masks))

    def _look(self, crop: StoredCrop) -> tuple[Image, tuple[str, ...]]:
        side = crop.image.shape[0]
        # The gate counts pixels of the recording, the box those of the stored crop.
        limits: dict[str, float] = {
            "min_face_px": self._detector.manifest.quality.min_face_px * side / crop.source_side
        }
        face = crop.face
        if face is None:
            face = _box_of_whole(side, self.margin)
            limits["min_inside"] = 0.0
        quality: Quality = self._detector.manifest.quality.model_copy(update=limits)
        cut = crop_face(crop.image, face, self._spec)
        causes = assess(crop.image, face, cut, quality, self._spec.colour)
        return cut, tuple(cause.value for cause in causes)


def _box_of_whole(side: int, margin: float) -> FaceBox:
    """The box round which ``margin`` cuts exactly the whole of a square picture."""
    reach = side / margin / 2
    return FaceBox(side / 2 - reach, side / 2 - reach, side / 2 + reach, side / 2 + reach, 1.0)


def crops_note(rows: Sequence[PreparedCrop], detector: Detector, given: float | None = None) -> str:
    """One sentence on how the crops were taken, those without a face box as if cut with the margin ``given``.
    Raises ``UsageError`` where they are too tight for the detector, or where ``given`` would be ignored."""
    margin = detector.crop_spec.margin
    boxed = [row for row in rows if row.face is not None]
    tight = min((row.margin for row in boxed), default=margin)
    if tight < margin - 1e-6:
        raise UsageError(
            f"The crops were kept with margin {tight:g}, the detector {detector.manifest.name} asks for {margin:g}: "
            f"prepare them again with --margin {margin:g} or more."
        )
    if given is not None and len(boxed) == len(rows):
        raise UsageError("All crops have a face box, which says how far they reach: leave out --crop-margin.")
    if len(boxed) == len(rows):
        return f"Each face was cut out of its stored crop with the detector's own margin of {margin:g}."
    how = f"as if cut with the detector's margin of {margin:g}"
    if given is not None:
        how = f"as cut with a margin of {given:g}"
        if given < margin:
            how += f", and what the detector's margin of {margin:g} reaches beyond it was mirrored"
    return (
        f"{len(rows) - len(boxed)} of {len(rows)} crops have no face box: each was taken whole, {how}; the turn of the "
        "head and cut-off faces could not be checked."
    )


def speed_calls(detector: Detector) -> tuple[Callable[[NDArray[np.uint8]], object], Callable[[], object]]:
    """The encoder on one crop, and the head on one full window."""
    manifest = detector.manifest
    window = np.zeros((1, manifest.window.length, manifest.embedding), np.float32)
    mask = np.ones((1, manifest.window.length), np.float32)
    return detector.encode, lambda: detector.judge(window, mask)


class Watcher:
    """Watches recordings and pictures as ``unmask scan`` does; a degradation is for pictures, a line for recordings."""

    def __init__(self, detector: Detector, threshold: float, finder: FaceFinder, settings: ScanSettings) -> None:
        self._scanner = Scanner([(detector, threshold)], finder, settings)
        self._most = settings.most_frames
        window = detector.manifest.window
        self._stride_s = window.stride_ms / 1000
        self._dwell_s = detector.manifest.rule.dwell_s

    def __call__(self, item: SourceItem, worse: Degradation | Line | None) -> Watched:
        """See ``Watch``."""
        if not isinstance(worse, Line):
            return self._watch(item, functools.partial(self._source, item, worse))
        with tempfile.TemporaryDirectory(prefix="unmask-line-") as folder:
            sent = Path(folder) / "sent.mkv"
            try:
                send(self._source(item, None), sent, worse, item.source)
            except UnmaskError as error:
                return Watched(None, (), error=str(error))
            return self._watch(item, functools.partial(VideoFileSource, sent, item.source))

    def _watch(self, item: SourceItem, make: Callable[[], FrameSource]) -> Watched:
        times: list[float] = []

        def note(sample: Sample, followed: Followed) -> None:
            times.append(sample.frame.time_s)

        finding = self._scanner.scan(ScanItem(item.source, item.kind, make), observe=note)
        if finding.error and not finding.frames_analysed:
            return Watched(None, (), error=finding.error)
        first_s = times[0] if times else 0.0
        score = finding.score
        undecided = score is None and Cause.UNCERTAIN in finding.causes
        if undecided:
            score = self._held(finding, still=item.kind == "image")
        alarms = sorted(event.start_s - first_s for face in finding.faces for event in face.detectors[0].events)
        seconds = (times[-1] - first_s) if times else 0.0
        return Watched(
            score=score,
            causes=tuple(cause.value for cause in finding.causes),
            moments=_moments(finding),
            analysed=finding.frames_analysed,
            seconds=seconds,
            alarms_s=tuple(alarms),
            whole=self._whole(finding, seconds),
            undecided=undecided and score is not None,
            error=finding.error,
        )

    def _source(self, item: SourceItem, degradation: Degradation | None) -> FrameSource:
        if degradation is not None:
            return ImageSource(item.source, _degraded(item.path, item.source, degradation), item.source)
        if item.kind == "image":
            return ImageSource(item.source, item.path)
        return VideoFileSource(item.path) if item.kind == "video" else FolderSource(item.source, item.path)

    def _held(self, finding: ItemFinding, *, still: bool) -> float | None:
        gap_s = max(HOLD_S, 2 * self._stride_s)
        levels = [
            held_level(face.detectors[0].timeline, 0.0 if still else self._dwell_s, gap_s) for face in finding.faces
        ]
        return max((level for level in levels if level is not None), default=None)

    def _whole(self, finding: ItemFinding, seconds: float) -> bool:
        if finding.error:
            return False
        if finding.duration_s is None:
            return finding.frames_analysed < self._most
        return finding.stretches == 1 and seconds >= finding.duration_s - max(1.0, 2 * self._stride_s)


def send(source: FrameSource, target: Path, line: Line, key: str) -> None:
    """Write what comes out of ``line`` of the recording called ``key``, as far as it can be read. Raises
    ``SourceError`` where it cannot be opened or read at all."""
    info = source.open()
    try:
        first = source.read()
        if first is None:
            raise SourceError(f"{key} holds no picture.")
        line.record(target, _pictures(first, source), info.fps or 25.0, key)
    finally:
        source.close()


def _pictures(first: Frame, source: FrameSource) -> Iterator[Image]:
    frame: Frame | None = first
    while frame is not None:
        yield cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
        try:
            frame = source.read()
        except SourceError:  # it breaks off: the undisturbed pass has said so
            return


def _degraded(path: Path, name: str, degradation: Degradation) -> bytes:
    bgr, _ = decode_image(path, name)
    worse = degradation.apply(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), name, None)
    _, data = cv2.imencode(".png", cv2.cvtColor(worse, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()


def _moments(finding: ItemFinding) -> tuple[float, ...]:
    """At each analysed moment the score of the most suspicious face."""
    highest: dict[float, float] = {}
    for face in finding.faces:
        for time_s, score in face.detectors[0].timeline:
            highest[time_s] = max(score, highest.get(time_s, 0.0))
    return tuple(highest[time_s] for time_s in sorted(highest))
