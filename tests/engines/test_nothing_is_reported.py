"""ONNX Runtime reports to nobody: what it would send it writes to the user's cache first, and there is nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from toy_package import build_toy_package

PROGRAM = """
import sys
from pathlib import Path
from unmask.engines.package import load_package
from unmask.realtime.detector import Detector
with Detector.open(load_package(Path(sys.argv[1])), "ort-cpu"):
    pass
"""


def test_a_run_leaves_no_report_behind(tmp_path: Path) -> None:
    package = build_toy_package(tmp_path / "toy")
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(home), **{f"XDG_{kind}_HOME": str(home / kind) for kind in ("CACHE", "DATA", "CONFIG")}}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(package)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in home.rglob("*") if path.is_file()] == []
