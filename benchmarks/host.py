"""The machine that a number was measured on, as far as the number depends on it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

from unmask.engines.machine import fingerprint, runtime_versions

_LIBRARIES = ("torch", "numpy", "opencv-python", "opencv-python-headless", "insightface", "av", "PyQt6")

#: The share of all cores that other programs may use before a run is called doubtful.
MOST_BY_OTHERS = 0.1

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
        f"other programs used {others:.2f} cores during it" if (others := host.get("others_cores")) is not None else "",
    ]
    return ", ".join(part for part in parts if part)


class OthersLoad:
    """How many processor cores everything but this process and its children kept busy, since it was made."""

    def __init__(self) -> None:
        self._before = _busy_s()

    def cores(self) -> float | None:
        """``None`` where the system does not tell (it is read from Linux's /proc/stat)."""
        now = _busy_s()
        if self._before is None or now is None or now[0] <= self._before[0]:
            return None
        wall, every, own = (later - sooner for later, sooner in zip(now, self._before, strict=True))
        return round(max(0.0, every - own) / wall, 3)


def _busy_s() -> tuple[float, float, float] | None:
    """Seconds: the clock, what all usable cores worked, and what this process and its ended children worked."""
    try:
        usable = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        lines = [line.split() for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()]
        # user, nice, system, (idle, iowait,) irq, softirq, steal
        ticks = [int(words[place]) for words in lines if words[0] in usable for place in (1, 2, 3, 6, 7, 8)]
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    if not any(ticks):
        return None
    spent = os.times()
    own = spent.user + spent.system + spent.children_user + spent.children_system
    return time.monotonic(), sum(ticks) / os.sysconf("SC_CLK_TCK"), own


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def busy(host: dict[str, Any]) -> str:
    """A sentence where the machine had other work before the run or during it; empty where it was at rest or
    does not tell."""
    load, others, cores = host.get("load_before"), host.get("others_cores"), host.get("cores") or 1
    doubt = "take the times for an upper bound and the ratios for rough."
    if others is not None and others > MOST_BY_OTHERS * cores:
        return f"Other programs used {others:.2f} of {cores} cores during the run: {doubt}"
    # What ran before is no matter where it is known that it did not run on.
    if others is None and load and load[0] >= 0.3 * cores:
        return f"The machine was busy before the run (load {load[0]:.1f} on {cores} cores): {doubt}"
    return ""


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
