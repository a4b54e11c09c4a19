"""Saving what a scan found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unmask.realtime.scan.html import render
from unmask.realtime.scan.results import ItemFinding, as_json
from unmask.realtime.writing import write_whole


def write_report(path: Path, findings: Sequence[ItemFinding], header: Mapping[str, Any]) -> None:
    """The report of ``unmask scan``: JSON where the name ends with .json, else one HTML file that needs no other.

    Raises ``UsageError`` where it cannot be written.
    """
    if path.suffix.lower() == ".json":
        text = json.dumps(as_json(findings, dict(header)), ensure_ascii=False, indent=2) + "\n"
    else:
        text = render(findings, header)
    write_whole(path, text)
