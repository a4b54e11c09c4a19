"""What the window itself costs: `python -m unmask.cli.bench_painting` shows 1080p pictures at 30 a second in it.

Nothing else runs in the process, so its processor time is that of the window: its timer, the panels, the painting.
On a display the X server's own time comes on top; it is not counted.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.engines.errors import UnmaskError

if TYPE_CHECKING:
    from unmask.gui.features import Feature
    from unmask.realtime.faces.crop import CropSpec
    from unmask.realtime.types import FaceBox, FaceLook, FaceState, Image, Update

_FPS = 30.0
_SIZES = {"720p": (720, 1280), "1080p": (1080, 1920), "2160p": (2160, 3840)}
_PICTURES = 12
_WARM_UP_S = 1.0
#: A face is looked at anew in every so-manieth picture, as with a detector's stride of 0.13 s.
_LOOK_EVERY = 4
_LAYERS = ("heat_map", "landmarks", "crops")


class Pictures:
    """What a session would say: a new frame thirty times a second, with faces in it. Counts the paintings."""

    def __init__(self, size: tuple[int, int], sources: int, faces: int, *, looks: bool) -> None:
        rng = np.random.default_rng(0)
        self._images = [rng.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in range(_PICTURES)]
        self._faces = faces
        self._cells = [rng.normal(-3, 4, (6, 6)).astype(np.float32) for _ in range(_PICTURES)]
        self._crops = [[_crop(image, number) for number in range(faces)] for image in self._images if looks]
        self._seen: dict[tuple[str, int], FaceLook] = {}
        self.channels: Sequence[Any] = [
            SimpleNamespace(source_id=f"source {number + 1}", key=number) for number in range(sources)
        ]
        self.failures: list[str] = []
        self._began = time.monotonic()
        self._cpu = (0.0, 0.0)
        self.newest = self._shown = 0
        self._newest_updates: dict[str, Update] = {}

    def updates(self) -> dict[str, Update]:
        spent_s = time.monotonic() - self._began
        if spent_s >= _WARM_UP_S and not self._cpu[0]:
            self._cpu = (spent_s, time.process_time())
        number = int(spent_s * _FPS) + 1
        if number != self.newest:
            self.newest, self._shown = number, self._shown + bool(self._cpu[0])
            self._newest_updates = {channel.source_id: self._update(channel.source_id) for channel in self.channels}
        return self._newest_updates

    def result(self) -> tuple[float, int, float]:
        """Cores in use, pictures shown, seconds, all since the warm-up."""
        wall_s = time.monotonic() - self._began - self._cpu[0]
        return (time.process_time() - self._cpu[1]) / wall_s, self._shown, wall_s

    def _update(self, source_id: str) -> Update:
        from unmask.realtime.types import Counters, Frame, SourceState, StageTimes, Update, Verdict

        now = time.monotonic_ns()
        image = self._images[self.newest % _PICTURES]
        return Update(
            source_id=source_id,
            state=SourceState.RUNNING,
            verdict=Verdict.NO_SIGNS,
            causes=(),
            faces=tuple(self._face(source_id, number, image) for number in range(self._faces)),
            frame=Frame(image, now, self.newest / _FPS, self.newest, source_id),
            stages=StageTimes(captured=now, published=now),
            counters=Counters(captured=self.newest, analysed=self.newest),
            fps=_FPS,
            engine="none",
            sequence=self.newest,
        )

    def _face(self, source_id: str, number: int, image: Image) -> FaceState:
        from unmask.realtime.types import FaceState, TrackedFace, Verdict

        box = _box(image.shape[1], number, self.newest % 7)
        track = TrackedFace(number + 1, box, True, 0.0, self.newest / _FPS)
        look = self._look(source_id, number, box) if self._crops else None
        return FaceState(track, Verdict.NO_SIGNS, (), 0.2, True, 1.0, look=look)

    def _look(self, source_id: str, number: int, box: FaceBox) -> FaceLook:
        """What ``Session.looks`` would hand out."""
        from unmask.realtime.looks import look_at, with_activation

        key, picture = (source_id, number), self.newest % _PICTURES
        if key not in self._seen or self.newest % _LOOK_EVERY == 0:
            times_s = self.newest / _FPS, (self.newest + _LOOK_EVERY) / _FPS
            look = look_at(box, self._crops[picture][number], _spec(), frozenset({"activation", "crops"}), times_s)
            self._seen[key] = with_activation(look, self._cells[picture], 0.67)
        return self._seen[key]


def _box(width: int, number: int, moved: float = 0.0) -> FaceBox:
    """A fifth of the picture wide, with its landmarks."""
    from unmask.realtime.types import FaceBox

    side = width * 0.2
    left, top = width * (0.15 + 0.4 * number) + moved, side / 2
    points = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)], np.float32) * np.float32(side)
    return FaceBox(left, top, left + side, top + side, 0.9, points + np.array([left, top], np.float32))


def _spec() -> CropSpec:
    from unmask.realtime.faces.crop import CropSpec

    return CropSpec(192, 1.4)


def _crop(image: Image, number: int) -> Image:
    from unmask.realtime.faces.crop import crop_face

    return crop_face(image, _box(image.shape[1], number), _spec())


def _layers() -> Feature:
    """Heat map, landmarks and crops, all of them on."""
    from unmask.gui.layers.feature import LayersFeature

    class Shown(LayersFeature):
        def attach(self, window: Any) -> None:
            super().attach(window)
            for name in _LAYERS:
                self.show(name, True)

    return Shown()


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what the window costs while it shows pictures.")
    parser.add_argument("--size", choices=tuple(_SIZES), default="1080p", help="of the pictures (default 1080p)")
    parser.add_argument("--sources", type=int, default=1, help="how many at once (default 1)")
    parser.add_argument("--faces", type=int, default=2, help="in each picture (default 2)")
    parser.add_argument("--layers", action="store_true", help="with heat map, landmarks and crops")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long (default 10)")
    parser.add_argument("--display", action="store_true", help="a window on the display, not one in memory")
    args = parser.parse_args()
    if not args.display:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        _measure(args)
    except UnmaskError as error:
        print(f"bench_painting: {error}", file=sys.stderr)
        return 2
    return 0


def _measure(args: argparse.Namespace) -> None:
    from unmask.gui.app import run_window
    from unmask.gui.qt import application
    from unmask.realtime.metrics.clocks import PAINT
    from unmask.realtime.metrics.collector import MetricsCollector

    platform = application().platformName()
    pictures = Pictures(_SIZES[args.size], args.sources, args.faces, looks=args.layers)
    collector, features = MetricsCollector(), [_layers()] if args.layers else []
    run_window(pictures, max_seconds=args.seconds + _WARM_UP_S, collector=collector, features=features)
    cores, shown, wall_s = pictures.result()
    paint = next(iter(collector.clocks().sources.values())).recent(PAINT)
    layers = ", all layers" if args.layers else ""
    what = f"{args.size}, {args.sources} source(s), {args.faces} face(s){layers}, {platform}"
    cost = f"{100 * cores:.1f} % of a core, {1000 * cores * wall_s / max(1, shown):.2f} ms for each picture"
    once = f"one painting p50 {paint.quantile_ms(0.5):.2f} ms, p99 {paint.quantile_ms(0.99):.2f} ms"
    print(f"{what}: {shown / wall_s:.1f} pictures a second, {wall_s:.0f} s, {cost}; {once}")


if __name__ == "__main__":
    raise SystemExit(main())
