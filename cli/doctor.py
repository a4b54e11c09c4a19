"""``unmask doctor``: what is wrong or missing on this machine, and what to do about it."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def run(args: argparse.Namespace) -> int:
    """1 where there is a problem, 0 where there is none."""
    import dataclasses
    import json

    from unmask.realtime.doctor.examine import examine

    findings = examine()
    counts = {state: sum(finding.state == state for finding in findings) for state in ("problem", "note", "ok")}
    if args.json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({"version": 1, "counts": counts, "findings": rows}, indent=2, ensure_ascii=False))
        return int(counts["problem"] > 0)

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("group", "what", "state", "finding", box=box.SIMPLE_HEAD)
    table.columns[3].overflow = "fold"
    styles = {"ok": "green", "note": "yellow", "problem": "bold red"}
    shown = ""
    for finding in findings:
        # Text, since paths and error messages may hold square brackets.
        words = Text(finding.text)
        if finding.remedy:
            words.append(f"\n-> {finding.remedy}", style=styles[finding.state])
        group = "" if finding.group == shown else finding.group
        shown = finding.group
        table.add_row(group, Text(finding.name), Text(finding.state, styles[finding.state]), words)
    console = Console()
    console.print(table)
    parts = [f"{counts[state]} {state if counts[state] == 1 else state + 's'}" for state in ("problem", "note")]
    console.print(f"{parts[0]}, {parts[1]}; a note is something that is missing and may never be needed.")
    return int(counts["problem"] > 0)
