"""What lies between a camera and whoever watches, over time: the lines of a call, and a screen that is filmed.

``training.degrade`` makes single pictures worse. Here every picture of a recording, or of a window made from a
still, goes the same way in turn and through one real encoder, whose artefacts live and die as they do in a call.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.realtime.types import Image
from unmask.training import degrade
from unmask.training.data import codec
from unmask.training.data.codec import Coding
from unmask.training.pseudo_clips import make_clip
from unmask.training.zoo.recipe import Clips

#: What happens to one picture; made anew for every sequence, so that what stands still stays the same in it.
Look = Callable[[Image, np.random.Generator], Image]
#: Coded pictures from frame to frame of a window: 24 a second at a stride of 125 ms.
BETWEEN = 3
_MOVES = Clips(codec="none", step_ms=42)


@dataclass(frozen=True, slots=True)
class Line:
    """``words`` say what is done: scaled down to ``height`` lines (``None``: left as it is), changed by ``look``,
    and coded. Key, seed and line decide all of it."""

    name: str
    words: str
    coding: Coding
    height: int | None = degrade.CALL_HEIGHT
    look: Callable[[np.random.Generator], Look] | None = None

    def record(self, path: Path, pictures: Iterable[Image], fps: float, key: str, seed: int = 0) -> int:
        """Write what comes out of the line of RGB uint8 ``pictures`` (H, W, 3) to a Matroska file, one at a time;
        how many there were. Raises ``ValueError`` where there is none."""
        return codec.write_coded(path, self._before_coding(pictures, self._rng(key, seed)), fps, self.coding)

    def window(self, clip: Sequence[Image], margin: float, key: str, seed: int = 0) -> list[Image]:
        """What comes out of the line of successive square RGB face crops, cut with ``margin``.

        Where the rate counts, the crops are faces in a call of 640 x 360 and cut out of it again; else each is
        scaled to the size it has there and coded by itself, which is cheaper.
        """
        rng = self._rng(key, seed)
        if self.height is None:
            return codec.coded([degrade.even(image) for image in clip], self.coding)
        faces = [degrade.in_call(image, margin) for image in clip]
        if self.coding.kbit_s is None:
            return codec.coded(list(self._before_coding(faces, rng)), self.coding)
        room = degrade.room_behind(clip[0])
        pictures = (degrade.placed(face, room) for face in faces)
        sent = codec.coded(list(self._before_coding(pictures, rng)), self.coding)
        return [degrade.after_call(picture, margin) for picture in sent]

    def _before_coding(self, pictures: Iterable[Image], rng: np.random.Generator) -> Iterator[Image]:
        look = None if self.look is None else self.look(rng)
        for picture in pictures:
            small = picture if self.height is None else degrade.to_height(picture, self.height)
            small = degrade.even(small)
            yield small if look is None else look(small, rng)

    def _rng(self, key: str, seed: int) -> np.random.Generator:
        return np.random.default_rng((seed, zlib.crc32(self.name.encode()), zlib.crc32(key.encode())))


def make_window(still: Image, frames: int, lines: Sequence[Line], margin: float, key: str, seed: int = 0) -> Iterator[
    tuple[str, list[Image]]
]:  # fmt: skip
    """One window made from a square RGB ``still`` that was cut with ``margin``: first as the camera gave it, under
    the name ``""``, then after each line. ``frames`` pictures each, 126 ms apart; movements are those of
    ``training.pseudo_clips``, the same in every version.
    """
    side = still.shape[0] // 2 * 2
    rng = np.random.default_rng((seed, zlib.crc32(key.encode())))
    square: NDArray[np.uint8] = np.asarray(cv2.resize(still, (side, side)), np.uint8)
    # The encoder sees one frame more than is shown: a window rarely starts with a call.
    clip = list(make_clip(square, (frames + 1) * BETWEEN, _MOVES, rng))
    yield "", _shown(clip)
    for line in lines:
        yield line.name, _shown(line.window(clip, margin, key, seed))


def _shown(pictures: Sequence[Image]) -> list[Image]:
    return list(pictures[2 * BETWEEN - 1 :: BETWEEN])


def _in_little_light(rng: np.random.Generator) -> Look:
    return lambda image, noise: degrade.little_light(image, 0.4, 3.0, noise)


def _filmed(rng: np.random.Generator) -> Look:
    screen = degrade.Screen.drawn(rng)
    return lambda image, noise: degrade.filmed(image, screen, noise)


#: In the order of the table.
LINES: dict[str, Line] = {
    line.name: line
    for line in (
        Line("re-encoded", "once more through H.264, CRF 28, at its own size", Coding("h264", crf=28), None),
        Line("360p", "scaled down to 360 lines, H.264 at CRF 18", Coding("h264", crf=18)),
        Line("360p H.264 300 kbit/s", "360 lines, H.264 at 300 kbit/s", Coding("h264", kbit_s=300)),
        Line("360p H.264 150 kbit/s", "360 lines, H.264 at 150 kbit/s", Coding("h264", kbit_s=150)),
        Line("360p VP9 300 kbit/s", "360 lines, libvpx's realtime VP9 at 300 kbit/s", Coding("vp9", kbit_s=300)),
        Line("360p VP9 150 kbit/s", "360 lines, libvpx's realtime VP9 at 150 kbit/s", Coding("vp9", kbit_s=150)),
        Line("low light 0.4", "360 lines, light times 0.4, warm, noise of 3 levels, H.264 at CRF 23",
             Coding("h264", crf=23), look=_in_little_light),
        Line("screen re-capture", "360 lines, filmed from a screen (stripes, moiré, veil, reflection, noise), H.264 "
             "at CRF 23", Coding("h264", crf=23), look=_filmed),
    )
}  # fmt: skip
