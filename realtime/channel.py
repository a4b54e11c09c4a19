"""One source in a session: its capture and detect threads, and what they hand to the scoring thread."""

from __future__ import annotations

import dataclasses
import math
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace

from unmask.realtime.budget import Step
from unmask.realtime.cadence import Cadence, staggered_s
from unmask.realtime.capture import FRAME_SLOT, Capture, ReconnectPolicy
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.follow import FaceFollower, Followed
from unmask.realtime.load import Load, Throttle
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.need import Needs
from unmask.realtime.picture_health import PictureHealth
from unmask.realtime.selection import CropSelector, Selection
from unmask.realtime.source_status import SourceStatus
from unmask.realtime.sources.base import FrameSource
from unmask.realtime.tracking.tracker import Tracker, TrackerSettings
from unmask.realtime.types import Frame, SourceState, StageTimes


@dataclass(frozen=True, slots=True)
class Analysed:
    """A frame whose faces were followed and cropped: what the scoring thread works on.

    ``lossless``: it comes from a source that waits, so that every sink that wants it gets what is said of it.
    ``cut_for`` is the generation of the detector that the crops were cut for; ``needs`` takes the answer to
    whose verdict is settled, and is ``None`` where every face is cropped at every stride.
    """

    frame: Frame
    followed: Followed
    selection: Selection
    stages: StageTimes
    lossless: bool
    cut_for: int = 0
    needs: Needs | None = None


@dataclass(frozen=True, slots=True)
class Cutting:
    """How faces are cut for the detector of this generation, and how often things are done; the selector is
    one source's own. ``cores``: a source that waits is held back so that no more of them are used. ``needs``:
    settled faces are cropped less often, but never those of a source that waits: there, what is said must not
    depend on when the answer comes."""

    selector: CropSelector
    generation: int
    step: Step
    cores: float = math.inf
    needs: Needs | None = None


_ROUNDING_S = 1e-6
# A source that is to close is told so this often, so long apart.
_CLOSINGS, _CLOSING_S = 4, 0.15


class Channel:
    """Owns the two threads of one source, and its face finder.

    ``key`` is its own in the whole session, also among sources that bear one name after another.
    ``inbox`` is the scoring thread's mailbox, a slot per key; ``None`` in it says that this source is over.
    ``wait_for_room`` blocks while the sinks lag behind; only a source that can wait is ever held up by it.
    """

    def __init__(
        self,
        key: int,
        source_id: str,
        make_source: Callable[[], FrameSource],
        finder: FaceFinder,
        cutting: Cutting,
        inbox: Mailbox[int, Analysed | None],
        wait_for_room: Callable[[], None],
        *,
        pace: bool,
        policy: ReconnectPolicy | None = None,
    ) -> None:
        self.key = key
        self.source_id = source_id
        self.status = SourceStatus(source_id)
        self._finder = finder
        #: Replaced as a whole where the detector is, by any thread.
        self.cutting = cutting
        self._inbox = inbox
        self._wait_for_room = wait_for_room
        self._pace = pace
        self._stop = threading.Event()
        self._frames: Mailbox[str, Frame] = Mailbox()
        self.capture = Capture(make_source, self.status, self._frames, self._stop, pace=pace, policy=policy)
        self._cadence = Cadence()
        self._due_s = -math.inf
        self._load = Load()
        #: ``time.monotonic()`` since when faces are searched for in one picture, 0 while they are not.
        self.searching_since = 0.0
        self._threads = [
            threading.Thread(target=work, name=f"unmask-{name}-{source_id}", daemon=True)
            for name, work in (("capture", self._capture), ("detect", self._detect))
        ]

    @property
    def waiting(self) -> int:
        """How many frames were captured that the detect thread has not taken: 0 or 1."""
        return int(self._frames.holds(FRAME_SLOT))

    @property
    def real_time(self) -> bool:
        """Whether this source waits for nobody: a late frame is a lost one. False before it is open."""
        return self.status.view().info is not None and self._latest_wins

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def finished(self) -> bool:
        """Whether no frame of this source can reach the inbox any more."""
        return not any(thread.is_alive() for thread in self._threads)

    def do(self, step: Step) -> None:
        """From the next frame on do things as often as ``step`` says."""
        self.cutting = dataclasses.replace(self.cutting, step=step)

    def request_stop(self) -> None:
        """Returns at once: a driver that takes its time to close holds nobody else up."""
        self._stop.set()
        self.status.move(SourceState.ENDED)
        self._frames.close()
        threading.Thread(target=self._close_source, name=f"unmask-close-{self.source_id}", daemon=True).start()

    def _close_source(self) -> None:
        """Some times over: a source that is told to close just before it is opened does not hear it."""
        for _ in range(_CLOSINGS):
            self.capture.interrupt()
            self._threads[0].join(_CLOSING_S)
            if not self._threads[0].is_alive():
                return

    def fail(self, sentence: str, trace: str) -> None:
        """End this source because of a failure that nobody foresaw."""
        self.status.move(SourceState.FAILED, sentence)
        self.status.failed_with(trace)
        self.request_stop()

    def join(self, deadline: float) -> list[str]:
        """Wait until monotonic second ``deadline``; the names of the threads that are still busy then."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        busy = [thread.name for thread in self._threads if thread.is_alive()]
        if not busy:
            self._finder.close()
        return busy

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run a thread's work; a failure that nobody foresaw ends this source, is named, and kills nothing else."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - nobody is above this thread: it is told, with its traceback
            self.fail(f"{self.source_id}: {error} (a bug of Unmask; please report it)", traceback.format_exc())

    def _capture(self) -> None:
        self._guarded(self.capture.run)

    def _detect(self) -> None:
        self._guarded(self._analyse_all)
        self.searching_since = 0.0
        self._inbox.put(self.key, None, wait=True)

    def _analyse_all(self) -> None:
        follower: FaceFollower | None = None
        throttle = Throttle()
        openings = 0
        while (taken := self._frames.take()) is not None:
            frame = taken.get(FRAME_SLOT)
            if frame is None or self._stop.is_set() or self._is_skipped(frame):
                continue
            follower = follower or self._new_follower()
            if (seen := self.capture.openings) != openings:
                openings = seen
                follower.reset()  # a fresh one too: it costs nothing
            cutting = self.cutting
            self.searching_since = time.monotonic()
            analysed = self._analyse(follower, frame, cutting)
            self.searching_since = 0.0
            self.status.count("analysed")
            if analysed.lossless:
                self._wait_for_room()
                self._stop.wait(throttle.pause_s(cutting.cores, time.monotonic(), time.process_time()))
            replaced = self._inbox.put(self.key, analysed, wait=analysed.lossless, merge=carried_over)
            if replaced is not None and not self._stop.is_set():
                self.status.drop("scoring busy")

    def _is_skipped(self, frame: Frame) -> bool:
        """Whether the budget or a pause leaves this frame out; never one of a source that waits."""
        if not self._latest_wins:
            return False
        if self.status.view().state is SourceState.PAUSED:
            return True
        step_s = 1 / self.cutting.step.frames_per_s
        if step_s > 0 and self._due_s - step_s < frame.time_s < self._due_s - _ROUNDING_S:
            self.status.drop("processor budget")
            return True
        self._due_s = max(self._due_s, frame.time_s - step_s) + step_s if self._due_s <= frame.time_s else frame.time_s
        return False

    def _new_follower(self) -> FaceFollower:
        info = self.status.view().info
        kind = info.kind if info is not None else ""
        # Photographs stand still by nature; only moving pictures can freeze.
        health = PictureHealth(frozen_after_s=None) if kind in ("image", "folder", "archive") else PictureHealth()
        # What the finder hands out has passed the confidence that the person asked for, and in a single
        # picture no second look will confirm a face.
        tracker = Tracker(TrackerSettings(birth_hits=1 if kind == "image" else 2, strong_confidence=0.0))
        # Photographs have nothing to do with each other: each is searched.
        cadence = None if kind in ("image", "folder", "archive") else self._cadence
        return FaceFollower(self._finder, tracker, health, cadence=cadence)

    @property
    def _latest_wins(self) -> bool:
        info = self.status.view().info
        return self._pace or info is None or info.live

    def _analyse(self, follower: FaceFollower, frame: Frame, cutting: Cutting) -> Analysed:
        taken = time.monotonic_ns()
        selector, step = cutting.selector, cutting.step
        selector.stride_s = step.stride_s
        began_s = frame.captured_at / 1e9 - frame.time_s
        selector.anchor_s = staggered_s(self.key, began_s, step.stride_s) if self._latest_wins else None
        needs = cutting.needs if self._latest_wins else None
        if needs is not None:
            selector.resting, selector.rest_s = needs.settled, needs.rest_s(step.stride_s)
        self._cadence.longest_s, self._cadence.calm = step.longest_s, step.calm
        load = self._load.share if self._latest_wins else 0.0
        followed = follower.follow(frame, crop_due=selector.due(frame.time_s), load=load)
        selection = Selection((), {})
        if not followed.causes:
            selection = selector.select(frame, followed.faces)
        cropped = time.monotonic_ns()
        self._load.add(frame.captured_at, (cropped - taken) if followed.detected_ns else 0)
        stages = StageTimes(
            captured=frame.captured_at,
            taken=taken,
            detected=followed.detected_ns,
            tracked=followed.tracked_ns,
            cropped=cropped,
        )
        return Analysed(frame, followed, selection, stages, not self._latest_wins, cutting.generation, needs)


def carried_over(missed: Analysed | None, analysed: Analysed | None) -> Analysed | None:
    """``analysed`` with the crops of ``missed``, which nobody came to score: the frame is dropped, the samples of
    faces that have no newer one are not. Its clocks then start with the older frame, for so long the crops waited."""
    if missed is None or analysed is None or missed.cut_for != analysed.cut_for:
        return analysed
    here = {face.track_id for face in analysed.followed.faces} - {job.track_id for job in analysed.selection.jobs}
    carried = tuple(job for job in missed.selection.jobs if job.track_id in here)
    if not carried:
        return analysed
    selection = replace(analysed.selection, jobs=(*carried, *analysed.selection.jobs))
    stages = replace(analysed.stages, captured=missed.stages.captured)
    return replace(analysed, selection=selection, stages=stages)
