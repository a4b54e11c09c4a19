"""The engines: which can run, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterator

from unmask.engines import registry
from unmask.realtime.doctor.finding import Finding, parted

NEEDED = (registry.AUTO, registry.STANDARD)


def engines() -> Iterator[Finding]:
    """A row for each engine. That one cannot run is a note, unless everything rests on it."""
    for row in registry.list_engines():
        if row.available:
            yield Finding("engines", row.name, "ok", f"{row.reason[:1].upper()}{row.reason[1:]}.")
            continue
        text, remedy = parted(row.reason, f"Use --engine {registry.STANDARD}.")
        yield Finding("engines", row.name, "problem" if row.name in NEEDED else "note", text, remedy)
