"""``unmask sources``: what this machine has to watch."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def run(args: argparse.Namespace) -> int:
    import json
    from dataclasses import asdict

    from unmask.realtime.sources.listing import list_sources

    rows = list_sources()
    if args.json:
        listing = {"version": 1, "sources": [asdict(row) for row in rows]}
        print(json.dumps(listing, indent=2, ensure_ascii=False))
        return 0

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title="What can be watched here", title_justify="left")
    for heading in ("source", "kind", "what it is"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        # Titles of windows may hold square brackets; Text keeps rich from reading them as markup.
        what = Text(row.description)
        if not row.available:
            what.append(f", unavailable: {row.reason}", style="yellow")
        table.add_row(Text(row.spec), row.kind, what)
    Console().print(table)
    return 0
