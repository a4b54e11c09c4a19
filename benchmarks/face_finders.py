"""How many frames of given clips each face finder sees a face in, and the processor time it takes.

``python -m unmask.benchmarks.face_finders --scrfd FILE [--yunet FILE] [--halves CLIP...] CLIP...`` prints
a Markdown table. Clips given with ``--halves`` are two pictures side by side, counted one by one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.engines.errors import SourceError
from unmask.realtime.faces.finder import FaceFinder
from unmask.realtime.types import Image


@dataclass(slots=True)
class Tally:
    """What one finder made of one strip of pictures. ``cpu_s`` is process time, all threads."""

    frames: int = 0
    with_face: int = 0
    faces: int = 0
    cpu_s: float = 0.0

    def add(self, finder: FaceFinder, image: Image) -> None:
        started = time.process_time()
        found = finder.find(image)
        self.cpu_s += time.process_time() - started
        self.frames += 1
        self.with_face += bool(found)
        self.faces += len(found)


def finder_makers(scrfd: Path, yunet: Path | None, refresh_every: int) -> dict[str, Callable[[], FaceFinder]]:
    """Column name -> a maker: a new finder for each strip, since "auto" keeps a state."""
    from unmask.realtime.faces.cascade import CascadeFinder
    from unmask.realtime.faces.scrfd import ScrfdFinder
    from unmask.realtime.faces.yunet import YunetFinder

    makers: dict[str, Callable[[], FaceFinder]] = {
        "640": lambda: ScrfdFinder(scrfd, input_size=640),
        "320": lambda: ScrfdFinder(scrfd, input_size=320),
        "auto": lambda: ScrfdFinder(scrfd, input_size="auto", refresh_every=refresh_every),
    }
    if yunet:
        makers["yunet"] = lambda: YunetFinder(yunet)
    makers["cascade"] = CascadeFinder
    return makers


def strips(clip: Path, halves: bool, every: int, most: int) -> Iterator[tuple[str, list[Image]]]:
    """The pictures of ``clip``, each ``every``-th frame, as one strip or as a left and a right one."""
    import cv2

    capture = cv2.VideoCapture(str(clip))
    if not capture.isOpened():
        raise SourceError(f"{clip} cannot be opened as a video; check the path.")
    images: list[Image] = []
    index = 0
    while len(images) < most and capture.grab():
        if index % every == 0:
            images.append(np.asarray(capture.retrieve()[1], dtype=np.uint8))
        index += 1
    capture.release()
    if not halves:
        yield clip.name, images
        return
    middle = images[0].shape[1] // 2 if images else 0
    yield f"{clip.name} left", [np.ascontiguousarray(image[:, :middle]) for image in images]
    yield f"{clip.name} right", [np.ascontiguousarray(image[:, middle:]) for image in images]


def measure(images: list[Image], makers: dict[str, Callable[[], FaceFinder]]) -> dict[str, Tally]:
    """The finders take turns on each picture, so that a busy machine slows all of them alike."""
    finders = {name: make() for name, make in makers.items()}
    tallies = {name: Tally() for name in makers}
    for finder in finders.values():
        finder.find(images[0])
    for image in images:
        for name, finder in finders.items():
            tallies[name].add(finder, image)
    for finder in finders.values():
        finder.close()
    return tallies


def row(title: str, tallies: dict[str, Tally]) -> str:
    """One line: share of frames with a face / faces a frame / milliseconds of processor time a frame."""
    cells = [
        f"{tally.with_face / tally.frames:.3f} / {tally.faces / tally.frames:.2f} / "
        f"{tally.cpu_s / tally.frames * 1e3:.1f}"
        for tally in tallies.values()
    ]
    frames = next(iter(tallies.values())).frames
    return f"| {title} | {frames} | " + " | ".join(cells) + " |"


def added(totals: dict[str, Tally], more: dict[str, Tally]) -> None:
    for name, tally in more.items():
        total = totals[name]
        total.frames += tally.frames
        total.with_face += tally.with_face
        total.faces += tally.faces
        total.cpu_s += tally.cpu_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--halves", nargs="+", type=Path, default=[], help="clips of two pictures side by side")
    parser.add_argument("--scrfd", type=Path, required=True)
    parser.add_argument("--yunet", type=Path)
    parser.add_argument("--every", type=int, default=5, help="look at each N-th frame (default 5)")
    parser.add_argument("--most", type=int, default=60, help="at most N frames of a clip (default 60)")
    parser.add_argument("--refresh-every", type=int, default=5, help="calls between wide looks of auto")
    args = parser.parse_args()
    makers = finder_makers(args.scrfd, args.yunet, args.refresh_every)
    totals = {name: Tally() for name in makers}
    print(f"| clip (frames with a face / faces / CPU ms) | frames | {' | '.join(makers)} |")
    print("|---" * (len(makers) + 2) + "|")
    for clip, halves in [(clip, False) for clip in args.clips] + [(clip, True) for clip in args.halves]:
        for title, images in strips(clip, halves, args.every, args.most):
            if not images:
                print(f"| {title} | 0 |" + " none |" * len(makers))
                continue
            tallies = measure(images, makers)
            added(totals, tallies)
            print(row(title, tallies), flush=True)
    if totals["auto"].frames:
        print(row("all", totals))
    return 0


if __name__ == "__main__":
    sys.exit(main())
