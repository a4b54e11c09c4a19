"""The clips that the pictures are made of, and the stand-in detector: all of it made here."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
from free_call import CallSettings, FreeCall, write_free_call
from stand_in import build_stand_in

from unmask.realtime.types import Image
from unmask.training.synthesis.encode import encode_clip

_CALL = CallSettings(960, 540, fps=15, seconds=20)
_SMALL_CALL = CallSettings(640, 360, fps=15, seconds=12)


def make_footage(folder: Path) -> None:
    """``call.mp4``, swapped from 10 s on, and ``small call.mp4``, which plays on the desk; ``before the swap.mp4``;
    ``far away.mp4`` with faces that are too small; ``black.mp4``; ``frozen.mp4``; ``stand-in``, a detector package."""
    write_free_call(folder / "call.mp4", _CALL)
    write_free_call(folder / "small call.mp4", _SMALL_CALL)
    call = FreeCall(_CALL)
    pictures = [call.draw(index) for index in range(round(_CALL.swapped_from_s * _CALL.fps))]
    _write(folder / "before the swap.mp4", [*pictures, *reversed(pictures)])
    _write(folder / "far away.mp4", (_far_away(picture) for picture in [*pictures, *reversed(pictures)]))
    black = np.zeros((_CALL.height, _CALL.width, 3), np.uint8)
    _write(folder / "black.mp4", repeat(black, _CALL.frames))
    _write(folder / "frozen.mp4", repeat(pictures[0], _CALL.frames))
    build_stand_in(folder / "stand-in")


def _write(path: Path, pictures: Iterable[Image]) -> None:
    encode_clip(path, pictures, size=(_CALL.width, _CALL.height), fps=_CALL.fps)


def _far_away(picture: Image) -> Image:
    """The call beside a slide that somebody shows."""
    small = cv2.resize(picture, None, fx=0.22, fy=0.22, interpolation=cv2.INTER_AREA)
    screen = np.full_like(picture, 52)
    slide = screen[20:520, 20:640]
    slide[:] = 245
    cv2.putText(slide, "Where we stand", (36, 70), cv2.FONT_HERSHEY_DUPLEX, 1.2, (60, 50, 40), 2, cv2.LINE_AA)
    for number, high in enumerate((120, 180, 150, 240, 290)):
        left = 60 + 104 * number
        cv2.rectangle(slide, (left, 450 - high), (left + 64, 450), (168, 120, 60), cv2.FILLED)
    cv2.line(slide, (40, 450), (580, 450), (60, 50, 40), 2, cv2.LINE_AA)
    left, top = screen.shape[1] - small.shape[1] - 48, (screen.shape[0] - small.shape[0]) // 2
    screen[top : top + small.shape[0], left : left + small.shape[1]] = small
    return screen
