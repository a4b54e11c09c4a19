"""The machine itself: cores, memory, clock, and the folders that are written to."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import platformdirs

from unmask.realtime.doctor.finding import Finding, shown

_CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")
_MEMORY = Path("/proc/meminfo")
_SMALL_DISK, _TINY_DISK = 2 << 30, 200 << 20
_SMALL_MEMORY = 1 << 30
_COARSE_S = 0.002


def machine() -> Iterator[Finding]:
    """Cores, clock speed policy, free memory, clock, cache and data folder."""
    yield _cores()
    yield from _governor(_CPU)
    yield from _memory(_MEMORY)
    yield _clock(time.get_clock_info("monotonic").resolution)
    yield folder_finding("cache folder", Path(platformdirs.user_cache_dir("unmask", appauthor=False)))
    yield folder_finding("data folder", Path(platformdirs.user_data_dir("unmask", appauthor=False)))


def _cores() -> Finding:
    whole = os.cpu_count() or 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else whole
    text = f"{usable} of {whole} processor cores may be used." if usable != whole else f"{whole} processor cores."
    if usable > 1:
        return Finding("machine", "processor", "ok", text)
    remedy = "Give the program a second core; finding faces and judging them run side by side."
    return Finding("machine", "processor", "note", text, remedy)


def _governor(folder: Path) -> Iterator[Finding]:
    """A governor that holds the clock down. With the pstate drivers "powersave" is the ordinary one."""
    try:
        governor = (folder / "scaling_governor").read_text().strip()
        driver = (folder / "scaling_driver").read_text().strip()
    except OSError:
        return
    if governor == "powersave" and "pstate" not in driver:
        text = f"The processor is held at its lowest clock (governor {governor})."
        yield Finding("machine", "clock speed", "note", text, "Run: sudo cpupower frequency-set -g schedutil")
    else:
        yield Finding("machine", "clock speed", "ok", f"Governor {governor} ({driver}).")


def _memory(path: Path) -> Iterator[Finding]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return
    values: Mapping[str, str] = dict(line.split(":", 1) for line in lines if ":" in line)
    free = int(values.get("MemAvailable", "0 kB").split()[0]) << 10
    text = f"{free / 1e9:.1f} GB of memory are free."
    if free < _SMALL_MEMORY:
        yield Finding("machine", "memory", "note", text, "Close other programs.")
    else:
        yield Finding("machine", "memory", "ok", text)


def _clock(resolution_s: float) -> Finding:
    text = f"The monotonic clock counts in steps of {resolution_s * 1e6:g} µs."
    if resolution_s <= _COARSE_S:
        return Finding("machine", "clock", "ok", text)
    remedy = "Update Python: newer versions use the system's fine clock; frame ages are rounded until then."
    return Finding("machine", "clock", "note", text, remedy)


def folder_finding(name: str, folder: Path) -> Finding:
    """Whether ``folder`` (or, where it is not made yet, the one it would be made in) can be written to, and
    how much room it has. Nothing stays behind."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
        free = shutil.disk_usage(there).free
    except OSError as error:
        text = f"{shown(folder)} cannot be written to ({error.strerror or error})."
        return Finding("machine", name, "problem", text, f"Make {shown(there)} yours, or free some space on it.")
    text = f"{shown(folder)}, {free / 1e9:.1f} GB free."
    if free < _TINY_DISK:
        return Finding("machine", name, "problem", text, "Free some space: models and recordings do not fit.")
    if free < _SMALL_DISK:
        return Finding("machine", name, "note", text, "Free some space before fetching models or recording.")
    return Finding("machine", name, "ok", text)
