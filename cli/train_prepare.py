"""``unmask train prepare``: from a data set's folders to face crops with an index."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.cli.options import add_face_arguments, face_settings, natural, number, whole
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from unmask.training.prepare.run import Plan, PrepareSettings

_SHOWN_SKIPS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", type=Path, help="the folder of the data set")
    parser.add_argument("out", metavar="OUT", type=Path, help="a new folder for the crops, or one to go on with")
    parser.add_argument("--dry-run", action="store_true", help="say what was found and how it splits, and stop")
    parser.add_argument("--restart", action="store_true", help="throw away what an earlier run left in OUT")
    parser.add_argument("--workers", metavar="N", type=whole, default=os.cpu_count() or 1, help="default: all cores")
    parser.add_argument("--limit", metavar="N", type=whole, help="only N files, drawn by the seed: for a try")
    _add_data_arguments(parser.add_argument_group("data set"))
    _add_crop_arguments(parser.add_argument_group("crops"))
    add_face_arguments(parser)


def _add_data_arguments(group: Any) -> None:
    group.add_argument(
        "--layout", metavar="NAME", help="faceforensics, celeb-df, dfdc, uadfv, plain (default: what fits)"
    )
    group.add_argument("--compression", choices=("raw", "c0", "c23", "c40"), help="of FaceForensics++")
    group.add_argument("--label", choices=("real", "fake"), help="the label of all files, in plain folders")
    group.add_argument(
        "--identities",
        metavar="parent|FILE.csv",
        help="who is who: the folder of a file, or a table path,identity",
    )
    group.add_argument(
        "--splits",
        metavar="official|identity|FOLDER",
        default="official",
        help="take the sets that the data set prescribes, draw all by people, or a folder with the three JSON "
        "files of FaceForensics++ (default official)",
    )
    group.add_argument(
        "--val", metavar="SHARE", type=number, default=0.1, help="where none is prescribed (default 0.1)"
    )
    group.add_argument("--test", metavar="SHARE", type=number, default=0.1, help="likewise (default 0.1)")
    group.add_argument("--seed", metavar="N", type=natural, default=0, help="of all that is drawn (default 0)")
    group.add_argument(
        "--drop-crossing", action="store_true", help="draw single people, leave out videos that join two sets"
    )


def _add_crop_arguments(group: Any) -> None:
    group.add_argument("--frames", metavar="N", type=whole, default=10, help="per video, evenly spaced (default 10)")
    group.add_argument("--faces", choices=("largest", "all"), default="largest", help="of a frame (default largest)")
    group.add_argument(
        "--margin", metavar="M", type=number, default=1.6, help="side of the crop in face boxes (default 1.6)"
    )
    group.add_argument("--size", metavar="PX", type=whole, default=320, help="side of the stored crop (default 320)")
    group.add_argument(
        "--min-face", metavar="PX", type=number, default=64.0, help="smaller faces are left out (default 64)"
    )
    group.add_argument("--format", choices=("jpg", "png"), default="jpg", help="jpg adds its loss (default jpg)")
    group.add_argument("--quality", metavar="Q", type=whole, default=95, help="of JPEG (default 95)")
    group.add_argument("--per-shard", metavar="N", type=whole, default=1000, help="crops in a tar (default 1000)")
    group.add_argument("--npz", action="store_true", help="also one array (10, 3, 224, 224) per video")
    group.add_argument("--npz-frames", metavar="N", type=whole, default=10, help="default 10")
    group.add_argument("--npz-size", metavar="PX", type=whole, default=224, help="default 224")
    group.add_argument("--npz-margin", metavar="M", type=number, default=1.3, help="default 1.3")
    group.add_argument("--npz-dtype", choices=("uint8", "float32"), default="uint8", help="default uint8")


def run(args: argparse.Namespace) -> int:
    from rich.console import Console

    from unmask.cli.train_media import open_media, quiet_finder
    from unmask.realtime.faces.registry import make_face_finder
    from unmask.training.prepare.layouts.registry import find_layout
    from unmask.training.prepare.media import Parts
    from unmask.training.prepare.run import plan

    console = Console(highlight=False, markup=False, emoji=False)

    def say(line: str) -> None:
        console.print(line, soft_wrap=True)

    _check_folders(args)
    settings = _settings(args)
    found = find_layout(args.data, args.layout, labelled=args.label is not None)
    say(f"Layout: {found.layout.title} ({found.found})")
    planned = plan(args.data, found, settings)
    _say_plan(planned, say)
    if args.dry_run:
        return 0
    # The moments lie too far apart for a finder that saves work from one frame to the next.
    finding = dataclasses.replace(face_settings(args), refresh_every=1)
    finder = make_face_finder(finding, say)
    description = finder.description
    finder.close()
    say(f"Faces: {description}")
    parts = Parts(open_media, functools.partial(quiet_finder, finding))
    report = _prepare(args, planned, parts, settings, description, console)
    said = {*planned.notes, *planned.assignment.notes}
    _print_report(report, args.out, console, [note for note in report["notes"] if note not in said])
    return 0


def _check_folders(args: argparse.Namespace) -> None:
    data, out = args.data.resolve(), args.out.resolve()
    if out == data or data in out.parents:
        raise UsageError(f"{args.out} lies in the data set: give a folder elsewhere, or crops of crops would follow.")


def _settings(args: argparse.Namespace) -> PrepareSettings:
    from unmask.training.prepare.cutting import ClipSettings, CutSettings
    from unmask.training.prepare.layouts.base import LayoutOptions
    from unmask.training.prepare.run import PrepareSettings
    from unmask.training.prepare.splits import SplitSettings

    clips = ClipSettings(args.npz_frames, args.npz_size, args.npz_margin, args.npz_dtype) if args.npz else None
    cut = CutSettings(args.frames, args.faces, args.margin, args.size, args.format, args.quality, args.min_face, clips)
    folder = None if args.splits in ("official", "identity") else Path(args.splits)
    splits = SplitSettings(args.val, args.test, args.seed, args.splits != "identity", args.drop_crossing)
    by_parent = args.identities == "parent"
    layout = LayoutOptions(args.compression, folder, args.label, by_parent)
    table = Path(args.identities) if args.identities and not by_parent else None
    return PrepareSettings(cut, splits, layout, table, args.per_shard, args.limit)


def _prepare(
    args: argparse.Namespace,
    planned: Plan,
    parts: Any,
    settings: PrepareSettings,
    finder: str,
    console: Console,
) -> dict[str, Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from unmask.training.prepare.run import prepare

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console, transient=True) as bars:
            task = bars.add_task("files", total=len(planned.assignment.items))
            return prepare(
                args.out,
                planned,
                parts,
                settings,
                finder,
                workers=args.workers,
                restart=args.restart,
                progress=lambda done, total: bars.update(task, completed=done, total=total),
            )
    except KeyboardInterrupt:
        console.print("Stopped; the same command goes on from here.", style="bold")
        raise


def _say_plan(planned: Plan, say: Any) -> None:
    from unmask.training.prepare.items import SPLITS, count_labels

    assignment = planned.assignment
    for split in SPLITS:
        items = [item for item in assignment.items if assignment.split_of[item.source] == split]
        groups = len({assignment.group_of[item.source] for item in items})
        say(f"{split}: {count_labels(items)} files in {groups} identity groups")
    for note in (*planned.notes, *assignment.notes):
        say(f"Note: {note}")


def _print_report(report: dict[str, Any], out: Path, console: Console, notes: Sequence[str]) -> None:
    from rich import box
    from rich.table import Table

    table = Table("set", "real", "fake", "crops", "identity groups", box=box.SIMPLE_HEAD)
    for split, numbers in report["sets"].items():
        table.add_row(split, *(str(numbers[name]) for name in ("real", "fake", "crops", "groups")))
    console.print(table)
    if report["skipped"]:
        skips = Table("left out", "files", "for example", box=box.SIMPLE_HEAD)
        for reason, count in report["skipped_by_reason"].items():
            some = [entry for entry in report["skipped"] if entry["reason"] == reason][:_SHOWN_SKIPS]
            skips.add_row(
                reason.replace("_", " "),
                str(count),
                "\n".join(f"{one['source']}: {one['detail']}" for one in some),
            )
        console.print(skips)
    lines = [f"{report['crops']} crops of {report['prepared']} files in {report['shards']} tars: {out}"]
    if report["broken_off"]:
        lines.append(f"{len(report['broken_off'])} files broke off; what they held was kept.")
    if report["settings"]["cut"]["clips"]:
        lines.append(f"{report['clips']} arrays; {len(report['without_clip'])} videos showed too few faces for one.")
    lines += [f"Note: {note}" for note in notes]
    for line in lines:
        console.print(line, soft_wrap=True)
