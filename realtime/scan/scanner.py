"""One item through the whole pipeline: sample, find, follow, crop, encode, judge, and sum up."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from unmask.engines.errors import SourceError, UnmaskError
from unmask.realtime.detector import Detector
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.follow import Followed
from unmask.realtime.scan.ensemble import Vote
from unmask.realtime.scan.item_run import ItemRun, Observer
from unmask.realtime.scan.items import ScanItem
from unmask.realtime.scan.results import FaceFinding, ItemFinding, unreadable
from unmask.realtime.scan.sampling import (
    Sample,
    SamplePlan,
    frames_for_a_verdict,
    measured,
    outlasts,
    plan_samples,
    sampled,
)
from unmask.realtime.sources.base import FrameSource, SourceInfo
from unmask.realtime.types import Cause, Verdict

Progress = Callable[[float], None]


class ScanCancelled(UnmaskError):
    """Somebody called ``Scanner.cancel``: there is no finding, and nothing is wrong with the item."""


def _nobody(sample: Sample, followed: Followed) -> None:
    """Observes nothing."""


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """``most_frames`` bounds what is analysed per item; ``crops`` keeps the most suspicious face pictures."""

    alarms_per_hour: float = 1.0
    most_frames: int = 1200
    vote: Vote = "mean"
    crops: bool = False


class Scanner:
    """Scans items one after another with one or several open detectors and one face finder.

    ``detectors`` are (detector, threshold) pairs. It owns neither them nor the finder. Used from one thread, but
    for ``cancel``.
    """

    def __init__(self, detectors: Sequence[tuple[Detector, float]], finder: FaceFinder, settings: ScanSettings) -> None:
        self._detectors = detectors
        self._finder = finder
        self._settings = settings
        self._cancelled = threading.Event()
        self._source: FrameSource | None = None
        manifests = [detector.manifest for detector, _ in detectors]
        self._stride_s = min(manifest.window.stride_ms for manifest in manifests) / 1000
        # The slowest detector needs the longest stretch; at the finest stride it takes the most frames.
        self._stretch = max(
            round(frames_for_a_verdict(manifest) * manifest.window.stride_ms / 1000 / self._stride_s)
            for manifest in manifests
        )

    def cancel(self) -> None:
        """Let ``scan`` raise ``ScanCancelled``, at once or when it is called again; for good. Any thread may call it.

        It waits for half a second at most: a source that is blocked in a read is closed under it.
        """
        self._cancelled.set()
        source = self._source
        if source is not None:
            source.close()

    def scan(self, item: ScanItem, progress: Progress = lambda done: None, observe: Observer = _nobody) -> ItemFinding:
        """Look at one item; what cannot be read comes back with its error. ``progress`` is told 0..1.

        Raises ``ScanCancelled`` soon after ``cancel``: within one analysed frame, or one blocked read.
        """
        if item.make is None:
            return unreadable(item.path, item.kind, item.error)

        def seen(sample: Sample, followed: Followed) -> None:
            self._go_on()
            observe(sample, followed)

        try:
            finding = self._scan(item, progress, seen)
        except UnmaskError as error:
            self._go_on()  # what broke because it was closed is no error of the item
            return unreadable(item.path, item.kind, str(error))
        finally:
            self._source = None
        self._go_on()  # a source that was closed looks like one that is over
        return finding

    def _go_on(self) -> None:
        if self._cancelled.is_set():
            raise ScanCancelled("The scan was cancelled.")

    @contextlib.contextmanager
    def _opened(self, item: ScanItem) -> Iterator[tuple[FrameSource, SourceInfo]]:
        assert item.make is not None
        with contextlib.closing(item.make()) as source:
            self._source = source
            self._go_on()
            info = source.open()
            self._go_on()  # opening forgets a closing that came before it
            yield source, info

    def _scan(self, item: ScanItem, progress: Progress, observe: Observer) -> ItemFinding:
        with self._opened(item) as (source, info):
            if info.live:
                raise SourceError(f"{item.path} is live and has no end; use `unmask watch` for it.")
            if info.kind == "image" or info.duration_s:
                finding = self._by_its_word(item, source, info, progress, observe)
                if finding is not None:
                    return finding
                true = None
            else:
                true = measured(source)
        # To cover it evenly its true length must be known: it is read twice.
        length_s, broke = true or self._measured(item)
        with self._opened(item) as (source, info):
            info = dataclasses.replace(info, duration_s=length_s)
            return self._scan_open(item, source, info, progress, observe, broke=broke, by_clock=False)

    def _measured(self, item: ScanItem) -> tuple[float, str]:
        with self._opened(item) as (source, _):
            return measured(source)

    def _by_its_word(
        self, item: ScanItem, source: FrameSource, info: SourceInfo, progress: Progress, observe: Observer
    ) -> ItemFinding | None:
        """The finding; ``None`` where the length that the source declares kept a part of it from being looked at."""
        several = len(self._plan(info.duration_s or 0.0).stretches) > 1
        try:
            finding = self._scan_open(item, source, info, progress, observe)
        except SourceError:
            if not several:
                raise
            return None
        self._go_on()
        # Of several stretches perhaps none, or only the first, lay before the place where it broke off.
        misled = several if finding.error else outlasts(source, info)
        return None if misled else finding

    def _scan_open(
        self,
        item: ScanItem,
        source: FrameSource,
        info: SourceInfo,
        progress: Progress,
        observe: Observer,
        *,
        broke: str = "",
        by_clock: bool = True,
    ) -> ItemFinding:
        """``broke`` is what is known to be wrong with the source, empty where nothing is; not ``by_clock``: its
        own clock or length is."""
        still = info.kind == "image"
        run = ItemRun(self._detectors, self._finder, observe, still=still, crops=self._settings.crops)
        length_s = info.duration_s or 0.0
        plan = self._plan(length_s)
        share = 1 / max(length_s, 1e-3)
        samples = sampled(source, info, plan, lambda moment: progress(min(1.0, moment * share)), by_clock=by_clock)
        try:
            run.take_all(samples)
        except SourceError as error:
            if run.frames == 0:
                raise
            broke = str(error)  # what came before it was seen, and counts
        run.finish()
        progress(1.0)
        if run.frames == 0:
            raise SourceError(f"{item.path} holds no frame that can be read; check that it plays.")
        faces = run.findings(self._settings.vote)
        verdict, causes, score = item_verdict(faces, run.picture_causes)
        kind = "video" if item.kind == "address" and not still else item.kind
        return ItemFinding(
            path=item.path,
            kind="image" if still else kind,
            duration_s=None if still else info.duration_s,
            frames_analysed=run.frames,
            verdict=verdict,
            causes=causes,
            score=score,
            faces=faces,
            face_share=run.frames_with_face / run.frames,
            size=(info.width, info.height),
            stretches=run.stretches,
            error=broke,
        )

    def _plan(self, duration_s: float) -> SamplePlan:
        return plan_samples(duration_s, self._stride_s, self._settings.most_frames, self._stretch)


def item_verdict(
    faces: Sequence[FaceFinding], picture_causes: Iterable[Cause]
) -> tuple[Verdict, tuple[Cause, ...], float | None]:
    """Signs when any face shows them, no signs when none does and one could be judged, else cannot judge."""
    judged = [face for face in faces if face.verdict is not Verdict.CANNOT_JUDGE]
    score = max((face.score for face in judged if face.score is not None), default=None)
    if any(face.verdict is Verdict.SIGNS for face in judged):
        return Verdict.SIGNS, (), score
    if judged:
        return Verdict.NO_SIGNS, (), score
    causes = tuple(dict.fromkeys([*picture_causes, *(cause for face in faces for cause in face.causes)]))
    return Verdict.CANNOT_JUDGE, causes or (Cause.NO_FACE,), None
