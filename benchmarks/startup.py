"""``unmask bench startup``: from the start of a process to its first verdict on a file, and to the help text."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from unmask.benchmarks.harness import Repeats, StopRule, interleave
from unmask.benchmarks.report import Line, Plot, Row
from unmask.benchmarks.settings import Effort
from unmask.benchmarks.subject import Clip, Subject
from unmask.benchmarks.tables import Value
from unmask.benchmarks.watch_command import until_verdict
from unmask.engines.errors import UnmaskError

#: What start-up may take on top of the window's own length.
ALLOWED_S = 2.5
_TIMEOUT_S = 120.0
#: The rows.
WATCH, INSIDE, HELP = "unmask watch, first verdict on a file", "the same, step by step", "unmask --help"
STEPS = ("python", "imported", "detector open", "face finder open", "first frame", "verdict")


@dataclass(frozen=True, slots=True)
class Started:
    """Seconds from the start of the process to each step; ``clip_s`` is where in the clip the verdict came."""

    seconds: dict[str, float]
    clip_s: float

    @property
    def total_s(self) -> float:
        return max(self.seconds.values())


def measure(subject: Subject, clip: Clip, effort: Effort) -> tuple[list[Row], list[Plot], list[str]]:
    """Two rows for the first verdict and one for ``unmask --help``; every repeat is a fresh process."""
    subject.say("startup: fresh processes ...")
    rule = StopRule(0.10, last=2 if effort.quick else 3, most=effort.startups, longest_s=120.0, warm_up=1)
    measures: dict[str, Callable[[], Started]] = {
        WATCH: lambda: _command(subject, clip),
        INSIDE: lambda: first_verdict(subject, clip),
        HELP: help_text,
    }
    found = interleave(measures, lambda one: one.total_s, rule)
    window = subject.package.manifest.window
    window_s = window.length * window.stride_ms / 1000
    rows = [Row(name, _verdict_values(found[name], window_s)) for name in (WATCH, INSIDE)]
    rows.append(Row(HELP, {"total_s": found[HELP].value, **found[HELP].as_values()}))
    seconds = found[INSIDE].representative.seconds
    plot = Plot("steps", "Start-up of a fresh process", "", "s", [Line("until", STEPS, [*seconds.values()])], "bar")
    notes = [
        f"The file is played at its own speed. The window of this detector is {window.length} frames, {window_s:g} s; "
        f"it speaks from {window.min_frames} frames on and after a dwell. Allowed: {ALLOWED_S:g} s + the window.",
        f"'{WATCH}': the command with --headless and --realtime, until the verdict is in its JSON lines. '{INSIDE}': "
        "a process that does the same without the command line, and says when it got where.",
        "The first start, which reads everything from the disk, is not counted.",
    ]
    return rows, [plot], notes


def _verdict_values(found: Repeats[Started], window_s: float) -> dict[str, Value]:
    one = found.representative
    until = {f"until_{step.replace(' ', '_')}_s": one.seconds[step] for step in STEPS[:-1] if step in one.seconds}
    return {
        "total_s": found.value,
        **until,
        "verdict_at_s_of_the_clip": one.clip_s,
        "without_the_clip_s": found.value - one.clip_s,
        "allowed_s": ALLOWED_S + window_s,
        "holds": found.value <= ALLOWED_S + window_s,
        **found.as_values(),
    }


def _command(subject: Subject, clip: Clip) -> Started:
    seconds, place = until_verdict(subject, clip)
    return Started({"verdict": seconds}, place)


def first_verdict(subject: Subject, clip: Clip) -> Started:
    """One fresh process. Raises ``UnmaskError`` where it failed or came to no verdict."""
    faces: dict[str, Any] = asdict(subject.faces)
    faces["model"] = str(faces["model"]) if faces["model"] else None
    command = [
        *(sys.executable, "-m", "unmask.benchmarks.first_verdict", str(clip.path)),
        *("--detector", str(subject.package.folder), "--engine", subject.engine, "--precision", subject.precision),
        *("--faces", json.dumps(faces)),
    ]
    began, output = _run(command)
    moments = json.loads(output.splitlines()[-1])
    return Started({step: moments[step] - began for step in STEPS}, moments["of the clip"])


def help_text() -> Started:
    """``unmask --help`` as a person waits for it: interpreter, imports, text."""
    began, _ = _run([sys.executable, "-m", "unmask.cli.main", "--help"])
    return Started({"help": time.monotonic() - began}, 0.0)


def _run(command: list[str]) -> tuple[float, str]:
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnmaskError(f"A fresh process took more than {_TIMEOUT_S:.0f} s: the machine is too busy.") from error
    if done.returncode != 0 or not done.stdout.strip():
        last = (done.stderr.strip().splitlines() or ["it came to no verdict; give a clip that shows a face for 5 s"])[
            -1
        ]
        raise UnmaskError(f"A fresh process could not do what is measured: {last}")
    return began, done.stdout
