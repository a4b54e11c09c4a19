"""What a measured speed depends on besides the model: this machine, and the runtimes on it."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

#: The packages that bring an engine, under every name that they are published by.
RUNTIMES = (
    "unmask",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "openvino",
    "tensorrt",
    "tensorrt-cu12",
    "tensorrt-cu13",
)


def runtime_versions() -> dict[str, str]:
    """Package -> version, of those that are installed. Imports none of them."""
    versions = {}
    for name in RUNTIMES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@functools.cache
def fingerprint() -> tuple[tuple[str, str], ...]:
    """(property, value) pairs: system, processor, usable cores, and each NVIDIA GPU with its driver."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return (
        ("system", f"{platform.system()} {platform.machine()}"),
        ("processor", _processor()),
        ("cores", str(cores)),
        ("gpu", "; ".join(gpus_and_drivers()) or "none"),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def gpus_and_drivers(within_s: float = 10.0) -> list[str]:
    """``name, driver version`` of each NVIDIA GPU, as NVIDIA's own tool says; empty without tool, driver or GPU, and
    where it does not answer ``within_s``."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    # Without a working driver the tool answers with a complaint.
    return answer.stdout.strip().splitlines() if answer.returncode == 0 else []
