"""``unmask train explain RUN IMAGE...``: heat maps of where a trained network looked. Not evidence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unmask.cli.options import add_face_arguments

if TYPE_CHECKING:
    from unmask.training.explain.pictures import Explained


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the folder of a run, or its best.pt")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="pictures with a face")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="folder for NAME-looked.png")
    parser.add_argument("--crop", action="store_true", help="the pictures are crops of faces already")
    parser.add_argument(
        "--window",
        action="store_true",
        help="the pictures are one window, in the order of time: explain its judgement",
    )
    add_face_arguments(parser)


def run(args: argparse.Namespace) -> int:
    import contextlib
    import dataclasses

    from unmask.cli.options import face_settings, refuse_writing_over
    from unmask.training.zoo.registry import require

    require("torch")
    for image in args.images:
        refuse_writing_over(args.out / f"{image.stem}-looked.png", [str(path) for path in args.images])
    from unmask.training.explain.pictures import explain

    with contextlib.ExitStack() as stack:
        finder = None
        if not args.crop:
            from unmask.realtime.faces.registry import make_face_finder

            # Single pictures: what was found in the one before says nothing about the next.
            settings = dataclasses.replace(face_settings(args), refresh_every=1)
            finder = make_face_finder(settings, lambda line: print(line, flush=True))
            stack.callback(finder.close)
        results = explain(args.run_folder, args.images, args.out, finder, as_window=args.window)
    _show(results)
    return 0


def _show(results: Sequence[Explained]) -> None:
    from rich.console import Console
    from rich.table import Table

    from unmask.training.explain.overlay import WORDS

    table = Table("picture", "score (not calibrated)", "written", title=WORDS)
    for one in results:
        score = "" if one.logit is None else f"{one.logit:.2f}"
        if one.silent:
            score += ", no place spoke for manipulation"
        written = "cannot judge (no face)" if one.written is None else str(one.written)
        table.add_row(str(one.source), score, written)
    Console(markup=False).print(table)
