"""Which crops share a call of the encoder, in which order sources are served, and what goes back to the selector."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from fake_detector import FakeEncoder, FakeHead, fake_manifest

from unmask.realtime.channel import Analysed
from unmask.realtime.detector import Detector
from unmask.realtime.follow import Followed
from unmask.realtime.mailbox import Mailbox
from unmask.realtime.need import Needs, NeedSettings
from unmask.realtime.scoring import Scoring
from unmask.realtime.seats import Seats
from unmask.realtime.selection import CropJob, Selection
from unmask.realtime.source_status import SourceStatus
from unmask.realtime.types import FaceBox, Frame, StageTimes, TrackedFace, Update

MANIFEST = fake_manifest()
FACE = FaceBox(10, 10, 60, 60, 0.9)
PICTURE = np.zeros((80, 80, 3), np.uint8)


class Encoder(FakeEncoder):
    """Says what it did to a diary."""

    def __init__(self, diary: list[str], gains: bool) -> None:
        super().__init__(MANIFEST)
        self._diary, self._gains = diary, gains

    @property
    def gains_by_batch(self) -> bool:
        return self._gains

    def answer(self, arrays):
        self._diary.append(f"{len(arrays['crops'])} crops")
        return super().answer(arrays)


class Desk:
    """A scoring worker, the box before it, and a diary of what came of it."""

    def __init__(self, *, gains: bool, sources: int = 3) -> None:
        self.diary: list[str] = []
        encoder, self.head = Encoder(self.diary, gains), FakeHead(MANIFEST)
        encoder.open()
        self.head.open()
        self.diary.clear()  # the engine's own trial
        seats = Seats(self._take)
        for key in range(sources):
            seats.add(key, f"source {key}", SourceStatus(f"source {key}"))
        self.inbox: Mailbox[int, Analysed | None] = Mailbox()
        self.scoring = Scoring(Detector(MANIFEST, encoder, self.head), 0.6, 0, seats, self.inbox)
        self.updates: list[Update] = []

    def _take(self, update: Update, *, lossless: bool) -> None:
        if update.frame is not None and update.state.value == "running":
            self.diary.append(update.source_id)
            self.updates.append(update)

    def put(
        self, key: int, faces: int, time_s: float = 0.0, red: int = 0, needs: Needs | None = None, wait: bool = False
    ) -> None:
        tracks = tuple(TrackedFace(number, FACE, True, 0.0, time_s) for number in range(faces))
        crop = np.full((MANIFEST.input.size, MANIFEST.input.size, 3), red, np.uint8)
        jobs = tuple(CropJob(track.track_id, time_s, crop) for track in tracks)
        frame = Frame(PICTURE, 0, time_s, 0, f"source {key}")
        followed, selection = Followed(tracks, (), 0, 0), Selection(jobs, {})
        self.inbox.put(key, Analysed(frame, followed, selection, StageTimes(0), True, 0, needs), wait=wait)

    def run(self) -> list[str]:
        self.inbox.close()
        self.scoring.run()
        return self.diary


def test_where_a_batch_gains_all_sources_share_one_call() -> None:
    desk = Desk(gains=True)
    for key, faces in ((2, 1), (0, 2), (1, 3)):
        desk.put(key, faces)
    assert desk.run()[:4] == ["6 crops", "source 2", "source 0", "source 1"]


def test_elsewhere_each_source_has_its_call_and_its_word_before_the_next() -> None:
    desk = Desk(gains=False)
    for key, faces in ((2, 1), (0, 2), (1, 0)):
        desk.put(key, faces)
    assert desk.run()[:5] == ["1 crops", "source 2", "2 crops", "source 0", "source 1"]
    received = [update.stages.received for update in desk.updates[:3] if update.stages]
    encoded = [update.stages.encoded for update in desk.updates[:3] if update.stages]
    assert received[0] <= encoded[0] <= received[1] <= encoded[1], "the time of the others counts as waiting"


@pytest.mark.parametrize("in_order", [False, True])
def test_the_selector_is_told_whose_verdict_is_settled_unless_the_head_reads_the_order(in_order: bool) -> None:
    desk = Desk(gains=False, sources=1)
    if in_order:
        weights = np.linspace(0, 0.1, MANIFEST.window.length, dtype=np.float32)
        desk.head.answer = lambda arrays: {"logit": arrays["window"][:, :, 0].astype(np.float32) @ weights - 3}
    needs = Needs(NeedSettings(calm_s=0.5), MANIFEST.window)
    worker = threading.Thread(target=desk.scoring.run)
    worker.start()
    for step in range(30):
        desk.put(0, 1, step * 0.1, red=80, needs=needs, wait=True)
    desk.inbox.close()
    worker.join(10)
    assert len(desk.updates) >= 30
    assert needs.settled == (frozenset() if in_order else {0})
