"""``unmask engines``: the runtimes, why the others cannot run, and how fast they are on one detector."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from unmask.cli.options import PRECISIONS, tell, whole
from unmask.engines.errors import UsageError

if TYPE_CHECKING:
    from unmask.engines.choice import Choice
    from unmask.engines.registry import EngineListing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--measure", metavar="DETECTOR", help="measure them on this detector, and remember it for --engine auto"
    )
    parser.add_argument("--precision", choices=PRECISIONS, help="with --measure: which encoder (default fp32)")
    parser.add_argument(
        "--engine-threads", metavar="N", type=whole, help="with --measure: threads in one call (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    from unmask.engines.registry import list_engines

    if args.measure is None and (args.precision or args.engine_threads):
        raise UsageError("--precision and --engine-threads say how to measure: give --measure DETECTOR too.")
    if args.measure is not None:
        return _measure(args)
    engines = list_engines()
    if args.json:
        rows = [{"name": row.name, "available": row.available, "reason": row.reason} for row in engines]
        print(json.dumps({"version": 1, "engines": rows}, indent=2))
        return 0
    table = _table("engine", "can run here", "why")
    for engine in engines:
        table.add_row(engine.name, "yes" if engine.available else "no", engine.reason)
    _print(table)
    return 0


def _measure(args: argparse.Namespace) -> int:
    from unmask.cli.build_bar import build_bar
    from unmask.engines.choice import choose
    from unmask.engines.options import EngineOptions
    from unmask.engines.package import find_package, load_package
    from unmask.engines.registry import list_engines

    package = load_package(find_package(args.measure))
    precision, options = args.precision or "fp32", EngineOptions(threads=args.engine_threads or 1)
    path, sha256 = package.encoder_file(precision)
    with build_bar():
        choice = choose(path, sha256, options, precision=precision, again=True, say=tell)
    rows = [_row(listing, choice) for listing in list_engines() if listing.name != "auto"]
    if args.json:
        detector = {"name": package.manifest.name, "version": package.manifest.version, "precision": precision}
        whole_report = {"version": 1, "detector": detector, "picked": choice.engine, "reason": choice.reason}
        print(json.dumps({**whole_report, "engines": rows}, indent=2))
        return 0
    table = _table("engine", "ms per crop", "CPU-ms", "differs by", "why")
    for row in rows:
        numbers = ("" if row[name] is None else f"{row[name]:.3g}" for name in ("wall_ms", "cpu_ms", "difference"))
        table.add_row(row["name"], *numbers, row["reason"])
    _print(table)
    _print(f"auto picks {choice.engine}: {choice.reason}.")
    return 0


def _row(listing: EngineListing, choice: Choice) -> dict[str, Any]:
    """What was measured of one engine, and why it was picked or not."""
    measured = next((row for row in choice.rows if row.engine == listing.name), None)
    if listing.name == choice.engine:
        reason = f"picked: {choice.reason}"
    elif measured is None:
        reason = listing.reason
    else:
        reason = measured.problem or "not picked"
    return {
        "name": listing.name,
        "available": listing.available,
        "wall_ms": measured and measured.wall_ms,
        "cpu_ms": measured and measured.cpu_ms,
        "difference": measured and measured.difference,
        "reason": reason,
    }


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        last = number == len(columns) - 1
        table.add_column(
            column, no_wrap=number == 0, overflow="fold", justify="left" if last or not number else "right"
        )
    return table


def _print(what: Any) -> None:
    from rich.console import Console

    # Reasons hold paths and brackets: text, not markup.
    Console(markup=False, highlight=False, emoji=False).print(what, soft_wrap=isinstance(what, str))
