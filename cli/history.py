"""``unmask history list|search|show|export|delete``: earlier scans and sessions, kept where a person asked for it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.cli.options import positive, tell, whole
from unmask.engines.errors import UsageError
from unmask.engines.plain_text import plain

if TYPE_CHECKING:
    from rich.console import Console

    from unmask.realtime.detector import Detector
    from unmask.realtime.history.records import Entry, Query, ScanRecord, SessionRecord
    from unmask.realtime.history.sink import HistorySink
    from unmask.realtime.history.store import History
    from unmask.realtime.plans import SessionSettings

_VERDICTS = {"signs": "signs_of_manipulation", "no-signs": "no_signs_found", "cannot-judge": "cannot_judge"}
_HINT = "A hint, never proof: confirm through another channel."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the newest sessions and scans")
    search = actions.add_parser("search", help="those that contain every one of these words")
    search.add_argument("words", metavar="WORD", nargs="+")
    show = actions.add_parser("show", help="everything about one of them")
    show.add_argument("number", metavar="NUMBER", type=whole)
    export = actions.add_parser("export", help="write them as JSON (everything but pictures) or CSV (a line each)")
    export.add_argument("file", metavar="FILE", type=Path, help="its name ends with .json or .csv")
    delete = actions.add_parser("delete", help="delete some or all of them, for good")
    delete.add_argument("numbers", metavar="NUMBER", nargs="*", type=whole)
    delete.add_argument("--all", action="store_true", help="everything; asks first")
    delete.add_argument("--older-than", metavar="DAYS", type=positive, help="what began longer ago")
    delete.add_argument("--pictures", action="store_true", help="only the pictures of faces, all of them")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    for child, act in ((listing, _list), (search, _list), (show, _show), (export, _export), (delete, _delete)):
        child.set_defaults(act=act)
        child.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    for child in (listing, search, export):
        _add_query_arguments(child)
    for child in (listing, search, show):
        child.add_argument("--json", action="store_true", help="print JSON")
    for child in (listing, search):
        child.add_argument("--limit", metavar="N", type=whole, default=50, help="at most so many (default 50)")


def _add_query_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="DATE", type=_date, help="begun on that day (2031-05-17) or later")
    parser.add_argument("--until", metavar="DATE", type=_date, help="begun on that day or earlier")
    parser.add_argument("--verdict", choices=tuple(_VERDICTS), help="only those with that verdict")
    parser.add_argument("--kind", choices=("session", "scan"), help="only sessions, or only scans")


def run(args: argparse.Namespace) -> int:
    from unmask.realtime.history.store import History

    with History() as history:
        if history.notice:
            tell(f"unmask: {history.notice}")
        return args.act(args, history)


def session_sink(detector: Detector, settings: SessionSettings, sources: Sequence[str], precision: str) -> HistorySink:
    """What records a session in the terminal, where ``--history`` was given. The session closes it.

    Raises ``HistoryError`` where the history cannot be written: before anything is watched.
    """
    from unmask.realtime.history.records import Judging
    from unmask.realtime.history.sink import HistorySink
    from unmask.realtime.history.store import History
    from unmask.realtime.scan.header import backing
    from unmask.realtime.verdict import threshold_for

    threshold, manifest = threshold_for(detector.manifest, settings.alarms_per_hour), detector.manifest
    judging = Judging(
        manifest.name,
        manifest.version,
        detector.provider,
        precision,
        threshold.alarms_per_hour,
        threshold.score,
        backing(threshold),
    )
    history = History()
    if history.notice:
        tell(f"unmask: {history.notice}")
    try:
        return HistorySink(history, judging, sources)
    except BaseException:
        history.close()
        raise


def _list(args: argparse.Namespace, history: History) -> int:
    from unmask.realtime.history.export import listed_as_json

    query = _query(args)
    entries = history.entries(query, limit=args.limit)
    if args.json:
        _print_json({"version": 1, "entries": [listed_as_json(history, entry) for entry in entries]})
        return 0
    console = _console()
    if not entries:
        nothing = "nothing of that kind" if history.count() else "nothing: `watch` and `scan` keep it with --history"
        console.print(f"The history holds {nothing} ({history.path}).", soft_wrap=True)
        return 0
    console.print(_entries_table(entries))
    if (more := history.count(query) - len(entries)) > 0:
        console.print(f"{more} more: give --limit a larger number.")
    console.print(_HINT)
    return 0


def _show(args: argparse.Namespace, history: History) -> int:
    from unmask.realtime.history.export import as_json
    from unmask.realtime.history.words import record_lines

    record: SessionRecord | ScanRecord = history.record(args.number)
    if args.json:
        _print_json(as_json(record))
        return 0
    console = _console()
    for line in [*record_lines(record, time.time()), _HINT]:
        console.print(plain(line, 2000), soft_wrap=True)
    return 0


def _export(args: argparse.Namespace, history: History) -> int:
    from unmask.realtime.history.export import csv_text, json_text
    from unmask.realtime.writing import write_whole

    query, suffix = _query(args), args.file.suffix.lower()
    if suffix not in (".json", ".csv"):
        raise UsageError(f"{args.file} tells no form: give it a name that ends with .json or .csv.")
    text = json_text(history, query) if suffix == ".json" else csv_text(history.entries(query))
    write_whole(args.file, "".join(text))
    tell(f"{_counted(history.count(query))} written to {args.file}; pictures are never exported.")
    return 0


def _delete(args: argparse.Namespace, history: History) -> int:
    asked = [bool(args.numbers), args.all, args.older_than is not None, args.pictures]
    if sum(asked) != 1:
        raise UsageError("Say what to delete: numbers (see `unmask history list`), --all, --older-than or --pictures.")
    if args.pictures:
        tell(f"Deleted for good: {history.delete_pictures()} pictures.")
        return 0
    if args.all and not args.yes and not _agreed(history.count()):
        tell("Nothing was deleted.")
        return 2
    if args.all:
        gone = history.delete_all()
    elif args.older_than is not None:
        gone = history.delete_older(args.older_than)
    else:
        for number in args.numbers:
            history.require(number)  # a wrong number deletes nothing
        gone = history.delete(args.numbers)
    tell(f"Deleted for good: {_counted(gone)}.")
    return 0


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Deleting everything asks first, and there is no terminal to ask at: add --yes.")
    return input(f"Delete {_counted(count)} for good? [y/N] ").strip().lower() in ("y", "yes")


def _query(args: argparse.Namespace) -> Query:
    from unmask.realtime.history.records import Query
    from unmask.realtime.types import Verdict

    return Query(
        " ".join(getattr(args, "words", [])),
        None if args.since is None else args.since.timestamp(),
        None if args.until is None else (args.until + timedelta(days=1)).timestamp(),
        None if args.verdict is None else Verdict(_VERDICTS[args.verdict]),
        args.kind,
    )


def _date(text: str) -> datetime:
    """An argparse type: the beginning of a day, by the clock of this machine."""
    try:
        return datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a day such as 2031-05-17") from None


def _entries_table(entries: list[Entry]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from unmask.realtime.history.words import day_and_time
    from unmask.realtime.sinks.console import MARKS

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("number", "when", "kind", "what", "verdict", "alarms", "score"):
        right = name in ("number", "alarms", "score")
        table.add_column(name, overflow="fold", justify="right" if right else "left", no_wrap=name == "when")
    for entry in entries:
        mark, style = MARKS[entry.verdict]
        words = Text.assemble((f"{mark} {entry.verdict.words}", style), plain(entry.why, 2000))
        score = "-" if entry.score is None else f"{entry.score:.2f}"
        number, alarms = str(entry.entry_id), str(entry.alarms)
        table.add_row(number, day_and_time(entry.at), entry.kind, Text(plain(entry.title)), words, alarms, score)
    return table


def _counted(number: int) -> str:
    return f"{number} {'entry' if number == 1 else 'entries'}"


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _console() -> Console:
    from rich.console import Console

    # File names are written by strangers: brackets in them are text, not markup.
    return Console(markup=False, emoji=False, highlight=False)
