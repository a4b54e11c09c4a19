"""Videos that no camera would write, and what watches one: for tests and for `make fuzz`.

Run as a program, ``python hostile_videos.py FIRST LAST``, it watches the mutated files of these seeds, each in bounded
time and memory. It prints a seed before its file is touched: a decoder that crashes or hangs takes the program down,
and the last line names the file (``mutated(seed)`` makes it again).
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import io
import math
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from unmask.engines.errors import SourceError, UnmaskError
from unmask.realtime.sources.decoding import MAX_PIXELS
from unmask.realtime.sources.video_file import VideoFileSource
from unmask.realtime.types import Frame, Image

#: Container -> (FFmpeg's name of it, encoder, pixel format) of the small valid files that are mutated.
KINDS = {
    "mp4": ("mp4", "libx264", "yuv420p"),
    "mkv": ("matroska", "libx264", "yuv420p"),
    "webm": ("webm", "libvpx", "yuv420p"),
    "avi": ("avi", "mpeg4", "yuv420p"),
    "ts": ("mpegts", "mpeg2video", "yuv420p"),
}
_MOST_FRAMES = 60
_MOMENTS = 8
_LONGEST_SENTENCE = 400
# One file takes milliseconds; what takes this long hangs.
_HANGS_AFTER_S = 20.0
_MEMORY = 6 << 30

# Sizes, counts and offsets at which a reader that reckons with them goes wrong.
_ODD_NUMBERS = tuple(
    bytes.fromhex(text) for text in ("00000000", "00000001", "7fffffff", "80000000", "ffffffff", "ffffff7f", "fffffffe")
)


def scene(width: int = 64, height: int = 48, number: int = 0) -> Image:
    """A grey picture with a red square that moves; BGR uint8 (height, width, 3)."""
    image = np.full((height, width, 3), 110, np.uint8)
    left = (4 * number) % max(1, width // 2)
    image[height // 4 : height // 2, left : left + max(1, width // 3)] = (20, 20, 220)
    return image


def write_video(
    target: Path | io.BytesIO,
    pictures: Sequence[Image],
    *,
    container: str | None = None,
    codec: str = "ffv1",
    pix_fmt: str = "bgr0",
    ticks: Sequence[int] | None = None,
    gop: int = 6,
    options: dict[str, str] | None = None,
) -> None:
    """``pictures`` as a video; ``ticks`` are timestamps in hundredths of a second, else there are 25 a second."""
    where: Any = str(target) if isinstance(target, Path) else target
    with av.open(where, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        for number, picture in enumerate(pictures):
            frame: Any = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = (4 * number if ticks is None else ticks[number]), Fraction(1, 100)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@functools.cache
def small(kind: str) -> bytes:
    """A valid video of 64 x 48 pixels and half a second, in one of ``KINDS``."""
    container, codec, pix_fmt = KINDS[kind]
    target = io.BytesIO()
    write_video(
        target, [scene(number=number) for number in range(12)], container=container, codec=codec, pix_fmt=pix_fmt
    )
    return target.getvalue()


def mutated(seed: int) -> bytes:
    """A small video with one to 64 things wrong in it; the same for the same seed."""
    rng = random.Random(seed)
    data = bytearray(small(rng.choice(list(KINDS))))
    for _ in range(rng.choice((1, 2, 4, 16, 64))):
        _mutate(rng, data)
    return bytes(data)


def _mutate(rng: random.Random, data: bytearray) -> None:
    # Headers and indexes lie at the two ends: most changes go there.
    at = rng.randrange(min(len(data), rng.choice((256, 1024, 1 << 30))))
    if rng.random() < 0.25:
        at = len(data) - 1 - at
    match rng.choice("bbbyynnnnicrx"):
        case "b":
            data[at] ^= 1 << rng.randrange(8)
        case "y":
            data[at] = rng.randrange(256)
        case "n":
            data[at : at + 4] = rng.choice(_ODD_NUMBERS)
        case "i":
            data[at:at] = data[at : at + rng.randrange(1, 256)]
        case "c":
            del data[at + 1 : at + rng.randrange(2, 64)]
        case "r":
            data[at : at + 64] = rng.randbytes(64)
        case _:
            if rng.random() < 0.2:
                del data[at + 1 :]


def check_sentence(error: BaseException) -> str:
    """The text of an error as a person gets it; fails unless it is one printable sentence of ours."""
    assert isinstance(error, UnmaskError), f"{type(error).__name__}: {error}"
    text = str(error)
    assert text.isprintable(), repr(text)
    assert 20 < len(text) < _LONGEST_SENTENCE, text
    assert text.endswith("."), text
    return text


def watch_one(path: Path) -> str:
    """Do with a file what a monitor and a scan do, short of looking for faces; what was said, empty for nothing.

    Whatever is no ``UnmaskError`` with one sentence comes through.
    """
    said: dict[str, None] = {}
    for use in (_read_on, _ask_for_moments):
        try:
            with contextlib.closing(VideoFileSource(path)) as source:
                use(source)
        except UnmaskError as error:
            said[check_sentence(error)] = None
    return " ".join(said)


def _read_on(source: VideoFileSource) -> None:
    source.open()
    last_s = -1.0
    for _ in range(_MOST_FRAMES):
        frame = source.read()
        if frame is None:
            return
        _check(frame)
        assert frame.time_s > last_s
        last_s = frame.time_s


def _ask_for_moments(source: VideoFileSource) -> None:
    length_s = source.open().duration_s or 1.0
    assert 0 < length_s < math.inf
    for frame in source.frames_at([length_s * number / _MOMENTS for number in range(_MOMENTS + 1)]):
        _check(frame)
    source.outlasts(length_s + 1.0)


def _check(frame: Frame) -> None:
    image = frame.image
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3
    assert image.flags.c_contiguous
    assert 0 < image.shape[0] * image.shape[1] <= MAX_PIXELS
    assert math.isfinite(frame.time_s)


def everything(path: Path) -> list[Frame]:
    """Every frame of a file, in order."""
    frames: list[Frame] = []
    with contextlib.closing(VideoFileSource(path)) as source:
        source.open()
        while (frame := source.read()) is not None:
            frames.append(frame)
    return frames


def refusal(path: Path) -> str:
    """The one sentence with which ``path`` is refused, for good."""
    with pytest.raises(SourceError) as caught:
        everything(path)
    assert not caught.value.retryable
    return check_sentence(caught.value)


def left_open(folder: Path) -> list[str]:
    """The files below ``folder`` that this process holds open (Linux; none elsewhere)."""
    found: list[str] = []
    for entry in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):
            target = str(entry.readlink())
            if target.startswith(f"{folder}/"):
                found.append(target)
    return found


def watch_seeds(first: int, last: int, say: Callable[[str], None]) -> Counter[str]:
    """``watch_one`` on the mutated files ``first`` to ``last``; how often they played, and what else was said.

    For a process of its own: a decoder that hangs ends it, with the stack of every thread."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="unmask-fuzz-") as folder:
        path = Path(folder) / "mutated.video"
        for seed in range(first, last + 1):
            say(f"seed {seed}")
            faulthandler.dump_traceback_later(_HANGS_AFTER_S, exit=True)
            path.write_bytes(mutated(seed))
            said = watch_one(path)
            faulthandler.cancel_dump_traceback_later()
            outcomes["refused" if "not a video" in said else "complained" if said else "played"] += 1
        assert not left_open(Path(folder)), left_open(Path(folder))
    assert threading.active_count() == 1, threading.enumerate()
    return outcomes


def main(first: str, last: str) -> int:
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    outcomes = watch_seeds(int(first), int(last), lambda line: print(line, flush=True))
    print(", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
