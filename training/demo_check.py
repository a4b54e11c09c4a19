"""Holding what the monitor says of the demo clip against what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from unmask.realtime.types import FaceBox, Update, Verdict
from unmask.training.synthesis.truth import FaceTruth, Truth

# The finder's box and the truth's overlap by more than this where they mean the same face.
_SAME_FACE = 0.4


@dataclass(slots=True)
class _Tally:
    alarms_s: list[float] = field(default_factory=list)
    false_alarms_s: list[float] = field(default_factory=list)


class DemoCheck:
    """A sink that notes when each face of a synthetic clip was under an alarm, while it was swapped and while not."""

    every_update = True

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._tallies = {face.name: _Tally() for face in truth.faces}
        self._seen_to_s = 0.0

    def take(self, update: Update) -> None:
        if update.frame is None:
            return
        time_s = self._seen_to_s = update.frame.time_s
        index = min(round(time_s * self._truth.fps), self._truth.frames - 1)
        for state in update.faces:
            if state.verdict is not Verdict.SIGNS:
                continue
            face = self._whose(state.track.face, index)
            if face is not None:
                tally = self._tallies[face.name]
                (tally.alarms_s if face.swapped_at(time_s) else tally.false_alarms_s).append(time_s)

    def close(self) -> None:
        """Nothing to finish: ``lines`` stays readable."""

    def lines(self) -> list[str]:
        """A sentence per face: found, missed, or alarmed without a reason."""
        return [self._line(face, self._tallies[face.name]) for face in self._truth.faces]

    def _line(self, face: FaceTruth, tally: _Tally) -> str:
        wrong = f"; a false alarm at {tally.false_alarms_s[0]:.1f} s" if tally.false_alarms_s else ""
        if face.swapped is None:
            return (
                f"{face.name}, who stays as pictured: "
                + (wrong.removeprefix("; ") or "no alarm, as it should be")
                + "."
            )
        start_s = face.swapped[0]
        if self._seen_to_s <= start_s:
            return f"{face.name}: ended before the swap at {start_s:.1f} s{wrong}."
        if not tally.alarms_s:
            return f"{face.name}, swapped from {start_s:.1f} s on: missed, this detector raised no alarm{wrong}."
        late_s = tally.alarms_s[0] - start_s
        return f"{face.name}, swapped from {start_s:.1f} s on: alarm {late_s:.1f} s after the swap began{wrong}."

    def _whose(self, box: FaceBox, index: int) -> FaceTruth | None:
        best = max(self._truth.faces, key=lambda face: face.face(index).overlap(box))
        return best if best.face(index).overlap(box) > _SAME_FACE else None
