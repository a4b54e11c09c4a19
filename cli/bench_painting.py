"""What the window itself costs: `python -m unmask.cli.bench_painting` shows 1080p pictures at 30 a second in it.

Nothing else runs in the process, so its processor time is that of the window: its timer, the panels, the painting.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from unmask.realtime.types import Update

_FPS = 30.0
_SIZES = {"720p": (720, 1280), "1080p": (1080, 1920), "2160p": (2160, 3840)}
_PICTURES = 12
_FACES = 2
_WARM_UP_S = 1.0


class Pictures:
    """What a session would say: a new frame thirty times a second, with faces in it. Counts the paintings."""

    def __init__(self, size: tuple[int, int], sources: int) -> None:
        rng = np.random.default_rng(0)
        self._images = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in range(_PICTURES)]
        self.channels: Sequence[Any] = [
            SimpleNamespace(source_id=f"source {number + 1}", key=number) for number in range(sources)
        ]
        self.failures: list[str] = []
        self._began = time.monotonic()
        self._cpu = (0.0, 0.0)
        self.newest = 0

    def updates(self) -> dict[str, Update]:
        spent_s = time.monotonic() - self._began
        if spent_s >= _WARM_UP_S and not self._cpu[0]:
            self._cpu = (spent_s, time.process_time())
            self.first = self.newest
        self.newest = int(spent_s * _FPS) + 1
        return {channel.source_id: self._update(channel.source_id) for channel in self.channels}

    def result(self) -> tuple[float, int, float]:
        """Cores in use, pictures shown, seconds, all since the warm-up."""
        wall_s = time.monotonic() - self._began - self._cpu[0]
        return (time.process_time() - self._cpu[1]) / wall_s, self.newest - self.first, wall_s

    def _update(self, source_id: str) -> Update:
        from unmask.realtime.types import Counters, Frame, SourceState, StageTimes, Update, Verdict

        now = time.monotonic_ns()
        image = self._images[self.newest % _PICTURES]
        return Update(
            source_id=source_id,
            state=SourceState.RUNNING,
            verdict=Verdict.NO_SIGNS,
            causes=(),
            faces=tuple(_face(number, image.shape[1]) for number in range(_FACES)),
            frame=Frame(image, now, self.newest / _FPS, self.newest, source_id),
            stages=StageTimes(captured=now, published=now),
            counters=Counters(captured=self.newest, analysed=self.newest),
            fps=_FPS,
            engine="none",
            sequence=self.newest,
        )


def _face(number: int, width: int):
    from unmask.realtime.types import FaceBox, FaceState, TrackedFace, Verdict

    left, side = width * (0.15 + 0.4 * number), width * 0.2
    track = TrackedFace(number + 1, FaceBox(left, side / 2, left + side, 1.5 * side, 0.9), True, 0.0, 1.0)
    return FaceState(track, Verdict.NO_SIGNS, (), 0.2, True, 1.0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the window costs while it shows pictures.")
    parser.add_argument("--size", choices=tuple(_SIZES), default="1080p", help="of the pictures (default 1080p)")
    parser.add_argument("--sources", type=int, default=1, help="how many at once (default 1)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--display", action="store_true", help="a window on the display, not one in memory")
    args = parser.parse_args()
    if not args.display:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from unmask.gui.app import run_window
    from unmask.gui.qt import application
    from unmask.realtime.metrics.clocks import PAINT
    from unmask.realtime.metrics.collector import MetricsCollector

    pictures, collector = Pictures(_SIZES[args.size], args.sources), MetricsCollector()
    platform = application().platformName()
    run_window(pictures, max_seconds=args.seconds + _WARM_UP_S, collector=collector)
    cores, shown, wall_s = pictures.result()
    paint = next(iter(collector.clocks().sources.values())).recent(PAINT)
    print(
        f"{args.size}, {args.sources} source(s), {platform}: {shown / wall_s:.1f} pictures a second, "
        f"{wall_s:.0f} s, {100 * cores:.1f} % of a core; one painting p50 {paint.quantile_ms(0.5):.2f} ms, p99 "
        f"{paint.quantile_ms(0.99):.2f} ms"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
