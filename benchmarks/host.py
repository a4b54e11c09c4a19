"""The machine that a number was measured on, as far as the number depends on it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

from unmask.engines.machine import fingerprint, runtime_versions

_LIBRARIES = ("numpy", "opencv-python", "opencv-python-headless", "insightface", "av", "PyQt6")

#: What must agree before two reports are compared without a warning; the load is a matter of the moment.
IDENTITY = ("processor", "cores", "memory_gib", "system", "gpu", "python", "versions")


def host_facts() -> dict[str, Any]:
    """Processor, usable cores, memory, system, Python and library versions, and the load before the run."""
    facts = dict(fingerprint())
    return {
        "processor": facts["processor"],
        "cores": int(facts["cores"]),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "gpu": facts["gpu"],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {**runtime_versions(), **_versions()},
        "load_before": _load(),
    }


def host_line(host: dict[str, Any]) -> str:
    """One line for people; what an older report lacks is left out."""
    load = host.get("load_before")
    parts = [
        f"{host.get('processor')}, {host.get('cores')} cores",
        f"{host['memory_gib']:g} GiB" if host.get("memory_gib") else "",
        str(host.get("system", "")),
        str(host.get("python", "")),
        f"GPU {host['gpu']}" if host.get("gpu", "none") != "none" else "no GPU",
        f"load before the run {load[0]:.2f}" if load else "",
    ]
    return ", ".join(part for part in parts if part)


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def busy(host: dict[str, Any]) -> str:
    """A sentence where the machine was at work before the run; empty where it was at rest or does not tell."""
    load, cores = host.get("load_before"), host.get("cores") or 1
    if not load or load[0] < 0.3 * cores:
        return ""
    return (
        f"The machine was busy before the run (load {load[0]:.1f} on {cores} cores): "
        "take the times for an upper bound and the ratios for rough."
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1)
    except (AttributeError, OSError, ValueError):
        return None


def _load() -> list[float] | None:
    if sys.platform == "win32":
        return None
    return [round(value, 2) for value in os.getloadavg()]
