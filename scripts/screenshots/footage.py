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

_CALL = CallSettings(960, 540, fps=15, seconds=12)


def make_footage(folder: Path) -> None:
    """``call.mp4``, swapped from 6 s on; ``before the swap.mp4``; ``far away.mp4`` with faces that are too small;
    ``black.mp4``; ``stand-in``, a detector package."""
    write_free_call(folder / "call.mp4", _CALL)
    call = FreeCall(_CALL)
    pictures = [call.draw(index) for index in range(round(_CALL.swapped_from_s * _CALL.fps))]
    _write(folder / "before the swap.mp4", [*pictures, *reversed(pictures)])
    _write(folder / "far away.mp4", (_far_away(picture) for picture in [*pictures, *reversed(pictures)]))
    black = np.zeros((_CALL.height, _CALL.width, 3), np.uint8)
    _write(folder / "black.mp4", repeat(black, _CALL.frames))
    build_stand_in(folder / "stand-in")


def _write(path: Path, pictures: Iterable[Image]) -> None:
    encode_clip(path, pictures, size=(_CALL.width, _CALL.height), fps=_CALL.fps)


def _far_away(picture: Image) -> Image:
    """The whole call in a small part of the picture, as in a call of many people."""
    small = cv2.resize(picture, None, fx=0.16, fy=0.16, interpolation=cv2.INTER_AREA)
    wide = np.full_like(picture, 52)
    top, left = (wide.shape[0] - small.shape[0]) // 2, (wide.shape[1] - small.shape[1]) // 2
    wide[top : top + small.shape[0], left : left + small.shape[1]] = small
    return wide
