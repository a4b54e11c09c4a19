"""`unmask demo`: the whole pipeline on a synthetic clip that is made on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.cli.options import add_detector_arguments, add_face_arguments, tell
from unmask.cli.watch import add_output_arguments, require_display, watch
from unmask.cli.watch_files import check_outputs
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.training.demo_clip import DemoClip

_RECORDING = Path("unmask-demo.mp4")
_MAKING = "Making the demo clip (once)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_output_arguments(parser)
    add_detector_arguments(parser)
    add_face_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from unmask.realtime.sources.registry import SourceOptions
    from unmask.training.demo_check import DemoCheck

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
    check_outputs(args, ["the demo clip"])  # making it takes a while
    clip = _make_clip()
    check = DemoCheck(clip.truth)
    code = watch(args, [str(clip.path)], SourceOptions(), [*notices, *_truth_lines(clip)], [check])
    print("Held against what is known about the clip:", *check.lines(), sep="\n  ")
    if args.record is not None and args.record.exists():
        print(f"The annotated video is {args.record.resolve()}")
    return code


def _make_clip() -> DemoClip:
    from rich.progress import Progress

    from unmask.training.demo_clip import ensure_demo_clip

    with Progress(transient=True) as progress:
        task = progress.add_task(_MAKING, total=None)

        def show(done: int, total: int) -> None:
            # Where there is no terminal there is no bar, and a silence of many seconds looks like a hang.
            if progress.tasks[0].total is None and not progress.console.is_terminal:
                tell(f"{_MAKING} ...")
            progress.update(task, completed=done, total=total)

        return ensure_demo_clip(progress=show)


def _truth_lines(clip: DemoClip) -> list[str]:
    """What is in the clip, so that whoever watches can tell whether the verdicts are right."""
    lines = [clip.truth.statement]
    for face in clip.truth.faces:
        if face.swapped is None:
            lines.append(f"{face.name} stays as it is.")
        else:
            start_s, end_s = face.swapped
            lines.append(f"{face.name} has another person's face blended in from {start_s:.1f} s to {end_s:.1f} s.")
    return lines
