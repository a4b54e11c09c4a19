"""A process of its own that watches a file at its own speed until there is a verdict, and says when it got where.

``python -m unmask.benchmarks.first_verdict CLIP --detector NAME ...`` prints one JSON object: seconds of the
system's monotonic clock at each step, so that whoever started it can count from its own start.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

_GIVE_UP_S = 60.0


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 2 where no verdict came before the end of the clip."""
    moments = {"python": time.monotonic()}
    parser = argparse.ArgumentParser(prog="python -m unmask.benchmarks.first_verdict")
    parser.add_argument("clip", type=Path)
    parser.add_argument("--detector", required=True, help="the folder of a package")
    parser.add_argument("--engine", required=True)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--faces", required=True, help="the face finder's settings as JSON")
    args = parser.parse_args(argv)

    from unmask.engines.errors import UnmaskError

    try:
        found = watch(args, moments)
    except UnmaskError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(moments))
    return 0 if found else 2


def watch(args: argparse.Namespace, moments: dict[str, float]) -> bool:
    """Fill ``moments``; whether a verdict came."""
    from unmask.engines.package import load_package
    from unmask.realtime.detector import Detector
    from unmask.realtime.faces.registry import FaceFinderSettings, make_face_finder
    from unmask.realtime.session import Session, SessionSettings, SourcePlan
    from unmask.realtime.sources.video_file import VideoFileSource
    from unmask.realtime.types import Update, Verdict

    moments["imported"] = time.monotonic()
    done = threading.Event()

    class First:
        """The first frame, and the first verdict that says something."""

        every_update = True

        def take(self, update: Update) -> None:
            if update.frame is not None:
                moments.setdefault("first frame", time.monotonic())
            if update.verdict is not Verdict.CANNOT_JUDGE and "verdict" not in moments:
                moments["verdict"] = time.monotonic()
                moments["of the clip"] = update.frame.time_s if update.frame is not None else 0.0
                done.set()

        def close(self) -> None: ...

    faces = json.loads(args.faces)
    faces["model"] = Path(faces["model"]) if faces["model"] else None
    package = load_package(Path(args.detector))
    with Detector.open(package, args.engine, precision=args.precision) as detector:
        moments["detector open"] = time.monotonic()
        finder = make_face_finder(FaceFinderSettings(**faces), lambda line: print(line, file=sys.stderr))
        moments["face finder open"] = time.monotonic()
        budget = max(one.alarms_per_hour for one in package.manifest.thresholds)
        plan = SourcePlan("clip", lambda: VideoFileSource(args.clip, "clip"), finder)
        session = Session([plan], detector, SessionSettings(alarms_per_hour=budget, pace=True), [First()])
        with session:
            until = time.monotonic() + _GIVE_UP_S
            while not done.wait(0.05) and time.monotonic() < until and not session.wait(0):
                pass
    return done.is_set()


if __name__ == "__main__":
    raise SystemExit(main())
