"""The engines: which can run, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterator

from unmask.engines import registry
from unmask.realtime.doctor.finding import Finding, parted

NEEDED = (registry.AUTO, registry.STANDARD)


def engines() -> Iterator[Finding]:
    """A row for each engine. That one cannot run is a note, unless everything rests on it."""
    for row in _listed():
        if row.available:
            yield Finding("engines", row.name, "ok", f"{row.reason[:1].upper()}{row.reason[1:]}.")
            continue
        text, remedy = parted(row.reason, f"Use --engine {registry.STANDARD}.")
        yield Finding("engines", row.name, "problem" if row.name in NEEDED else "note", text, remedy)


def _listed() -> list[registry.EngineListing]:
    try:
        return registry.list_engines()
    except Exception:  # half a package fails in any way it likes: then each engine is asked by itself
        return [_asked(name) for name in registry.ENGINE_NAMES if name != registry.AUTO]


def _asked(name: str) -> registry.EngineListing:
    try:
        problem = registry.why_unavailable(name)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        problem = f"its package is damaged ({reason}); see what is said of it above, or reinstall it"
    return registry.EngineListing(name, problem is None, problem or "ready")
