"""``unmask engines``: the runtimes, and why the others cannot run."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    import dataclasses
    import json

    from unmask.engines.registry import list_engines

    engines = list_engines()
    if args.json:
        print(json.dumps({"version": 1, "engines": [dataclasses.asdict(engine) for engine in engines]}, indent=2))
        return 0
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("engine", "can run here", "why", box=box.SIMPLE_HEAD)
    for engine in engines:
        table.add_row(engine.name, "yes" if engine.available else "no", engine.reason)
    Console(markup=False, highlight=False).print(table)
    return 0
