"""Drawing verdicts into a picture: for recordings, reports and headless use. Colour *and* shape tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from unmask.realtime.types import Cause, FaceState, Image, Update, Verdict

Colour = tuple[int, int, int]

# Okabe and Ito's palette (2008), BGR: told apart with every common kind of colour blindness.
COLOURS: dict[Verdict, Colour] = {
    Verdict.SIGNS: (0, 94, 213),
    Verdict.NO_SIGNS: (178, 114, 0),
    Verdict.CANNOT_JUDGE: (150, 150, 150),
}
_WHITE: Colour = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def annotate(update: Update) -> Image | None:
    """A copy of the update's frame with a box and a label per face and a line for the whole picture.

    BGR uint8 (H, W, 3), owned by the caller; ``None`` where the update has no frame.
    """
    if update.frame is None:
        return None
    picture = update.frame.image.copy()
    scale = max(0.4, min(picture.shape[:2]) / 900)
    for face in update.faces:
        draw_face(picture, face, scale)
    words = update.verdict.words
    if update.verdict is Verdict.CANNOT_JUDGE:
        words += because(update.causes)
    _label(picture, words, (0, 0), COLOURS[update.verdict], scale)
    return picture


def because(causes: Sequence[Cause]) -> str:
    """``", because ..."`` with all causes, or nothing when there are none."""
    return ", because " + " and ".join(cause.words for cause in causes) if causes else ""


def face_words(face: FaceState) -> str:
    """One line for a face: its number, the verdict, then the score or the cause."""
    words = f"{face.track.track_id}: {face.verdict.words}"
    if face.verdict is Verdict.CANNOT_JUDGE:
        return words + (f" ({face.causes[0].words})" if face.causes else "")
    if face.score is None:
        return words
    return f"{words} {face.score:.0%}" if face.calibrated else f"{words} (score {face.score:.2f})"


def draw_face(picture: Image, face: FaceState, scale: float) -> None:
    """Draw into ``picture``: a full thick box for signs, corners for no signs, a dashed box for cannot judge."""
    box = face.track.face
    corners = [round(value) for value in (box.x0, box.y0, box.x1, box.y1)]
    left, top, right, bottom = corners
    colour = COLOURS[face.verdict]
    thick = max(1, round(3 * scale))
    if face.verdict is Verdict.SIGNS:
        cv2.rectangle(picture, (left, top), (right, bottom), colour, 2 * thick)
    else:
        reach = 0.3 if face.verdict is Verdict.NO_SIGNS else None
        for start, end in _segments(left, top, right, bottom, reach):
            cv2.line(picture, start, end, colour, thick)
    _label(picture, face_words(face), (left, bottom + thick), colour, 0.8 * scale)


def _segments(
    left: int, top: int, right: int, bottom: int, reach: float | None
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Lines of a box: ``reach`` of each side from its corners, or dashes where it is ``None``."""
    points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=float)
    spans = [(0.0, reach), (1.0 - reach, 1.0)] if reach is not None else [(k / 7, (k + 1) / 7) for k in (0, 2, 4, 6)]
    lines = []
    for index in range(4):
        begin, side = points[index], points[(index + 1) % 4] - points[index]
        for first, last in spans:
            start, end = begin + first * side, begin + last * side
            lines.append(((round(start[0]), round(start[1])), (round(end[0]), round(end[1]))))
    return lines


def _label(picture: Image, words: str, corner: tuple[int, int], colour: Colour, scale: float) -> None:
    """White words on a plate whose top left corner is ``corner``, moved so that all of it stays in the picture."""
    height, width = picture.shape[:2]
    thick = max(1, round(1.5 * scale))
    (wide, high), base = cv2.getTextSize(words, _FONT, scale, thick)
    pad = max(3, round(6 * scale))
    left = max(0, min(corner[0], width - wide - 2 * pad))
    top = max(0, min(corner[1], height - high - base - 2 * pad))
    cv2.rectangle(picture, (left, top), (left + wide + 2 * pad, top + high + base + 2 * pad), colour, cv2.FILLED)
    cv2.putText(picture, words, (left + pad, top + pad + high), _FONT, scale, _WHITE, thick, cv2.LINE_AA)
