"""Every group of checks in the order in which they are shown. Opens no camera and no connection."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from unmask.realtime.doctor.finding import Check, Finding, isolated

#: Group -> (module, function). Imported one by one: a module that cannot be imported is a finding too.
#: Qt comes first of those that load OpenCV, which sets the variable that Qt's check reads.
CHECKS: Mapping[str, tuple[str, str]] = {
    "Python": ("unmask.realtime.doctor.packages", "python"),
    "Qt": ("unmask.realtime.doctor.qt", "qt"),
    "packages": ("unmask.realtime.doctor.packages", "packages"),
    "OpenCV": ("unmask.realtime.doctor.packages", "opencv"),
    "ONNX Runtime": ("unmask.realtime.doctor.wheels", "onnx_runtime"),
    "NVIDIA": ("unmask.realtime.doctor.nvidia", "nvidia"),
    "engines": ("unmask.realtime.doctor.runtimes", "engines"),
    "cameras": ("unmask.realtime.doctor.devices", "cameras"),
    "screen": ("unmask.realtime.doctor.devices", "screen"),
    "models": ("unmask.realtime.doctor.models", "models"),
    "machine": ("unmask.realtime.doctor.machine", "machine"),
}


def examine(checks: Mapping[str, tuple[str, str]] = CHECKS) -> list[Finding]:
    """All findings. Never raises: see ``isolated``."""
    return [finding for group, (module, name) in checks.items() for finding in isolated(group, _loaded(module, name))]


def _loaded(module: str, name: str) -> Check:
    return lambda: getattr(importlib.import_module(module), name)()
