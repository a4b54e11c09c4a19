"""`unmask demo`: the whole pipeline on a synthetic clip that is made on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from unmask.cli.options import add_detector_arguments, add_face_arguments
from unmask.cli.watch import add_output_arguments, require_display, watch
from unmask.engines.errors import UsageError

_RECORDING = Path("unmask-demo.mp4")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output_arguments(parser)
    add_detector_arguments(parser)
    add_face_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from unmask.realtime.sources.registry import SourceOptions
    from unmask.training.demo_clip import ensure_demo_clip

    notices = []
    if not args.headless:
        try:
            require_display()
            args.realtime = True
        except UsageError as error:
            notices.append(f"{str(error).split(':')[0]}: an annotated video is written instead.")
            args.headless = True
    if args.headless and args.record is None:
        args.record = _RECORDING
    print("Making the demo clip (once) ...", flush=True)
    clip = ensure_demo_clip()
    notices += clip.notices()
    code = watch(args, [str(clip.path)], SourceOptions(), notices)
    if args.record is not None and args.record.exists():
        print(f"The annotated video is {args.record.resolve()}")
    return code
