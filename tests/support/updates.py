"""Updates as a session would hand them out, for tests of sinks and windows."""

from __future__ import annotations

from fakes import picture

from unmask.realtime.types import (
    Cause,
    Counters,
    Event,
    FaceBox,
    FaceState,
    Frame,
    SourceState,
    StageTimes,
    TrackedFace,
    Update,
    Verdict,
)

BOX = FaceBox(80, 60, 200, 180, 0.9)


def face_state(
    verdict: Verdict = Verdict.NO_SIGNS,
    *causes: Cause,
    score: float | None = 0.2,
    track: int = 1,
    event: Event | None = None,
    calibrated: bool = True,
) -> FaceState:
    tracked = TrackedFace(track, BOX, True, 0.0, 1.0)
    return FaceState(tracked, verdict, causes, score, calibrated, 1.0, event, evidence=score)


def update(
    time_s: float = 1.0,
    *faces: FaceState,
    sequence: int = 1,
    source_id: str = "fake",
    state: SourceState = SourceState.RUNNING,
    events: tuple[Event, ...] = (),
    verdict: Verdict | None = None,
    causes: tuple[Cause, ...] = (),
    image=None,
    message: str = "",
) -> Update:
    image = picture(seed=sequence) if image is None else image
    frame = Frame(image, 1_000_000_000, time_s, sequence, source_id)
    said = verdict or (faces[0].verdict if faces else Verdict.CANNOT_JUDGE)
    return Update(
        source_id=source_id,
        state=state,
        verdict=said,
        causes=causes,
        faces=faces,
        frame=frame,
        stages=StageTimes(captured=1_000_000_000, published=1_012_000_000),
        counters=Counters(captured=10, analysed=9, scored_crops=4, dropped={"detection busy": 1}),
        fps=24.0,
        engine="CPUExecutionProvider",
        events=events,
        message=message,
        sequence=sequence,
    )
