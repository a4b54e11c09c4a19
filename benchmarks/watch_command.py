"""``unmask watch`` itself, as a person starts it, timed from outside until its log has a verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from unmask.benchmarks.subject import Clip, Subject
from unmask.engines.errors import UnmaskError

_GIVE_UP_S, _LOOK_S = 60.0, 0.005


def command_for(subject: Subject, clip: Clip, log: Path) -> list[str]:
    """The command line that watches ``clip`` at its own speed as ``subject`` says, and logs to ``log``."""
    faces, budget = subject.faces, subject.session_settings.alarms_per_hour
    model = ("--face-model", str(faces.model)) if faces.model else ()
    return [
        *("watch", str(clip.path), "--headless", "--realtime", "--jsonl", str(log)),
        *("--detector", str(subject.package.folder), "--engine", subject.engine, "--precision", subject.precision),
        *("--alarms-per-hour", f"{budget:g}", "--engine-threads", str(subject.options.threads)),
        *("--face-finder", faces.kind, "--face-size", str(faces.input_size)),
        *("--face-confidence", f"{faces.min_confidence:g}", *model),
    ]


def until_verdict(subject: Subject, clip: Clip) -> tuple[float, float]:
    """Seconds from the start of the process to the line of its first verdict that says something, and where in
    the clip that was. Raises ``UnmaskError`` where none came."""
    with tempfile.TemporaryDirectory() as folder:
        log, said = Path(folder) / "log.jsonl", Path(folder) / "said.txt"
        began = time.monotonic()
        with said.open("wb") as output:
            command = [sys.executable, "-m", "unmask.cli.main", *command_for(subject, clip, log)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=output)
        try:
            while (place := _verdict_in(log)) is None:
                spent_s = time.monotonic() - began
                if process.poll() is not None or spent_s > _GIVE_UP_S:
                    last = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
                    reason = last[0] if last else "give a clip that shows a face for 5 s"
                    raise UnmaskError(f"`unmask watch` came to no verdict within {spent_s:.0f} s: {reason}")
                time.sleep(_LOOK_S)
            return time.monotonic() - began, place
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _verdict_in(log: Path) -> float | None:
    if not os.path.exists(log):
        return None
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        if line.endswith("\n") and '"type": "verdict"' in line:
            facts = json.loads(line)
            if facts["verdict"] != "cannot_judge":
                return float(facts["time_s"] or 0.0)
    return None
