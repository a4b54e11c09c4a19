"""Change sound files at random and read them, for as long as told: `python scripts/fuzz.py --minutes 5 [NAME ...]`.

The targets are those of the tests (tests/support/fuzz_targets.py), with hypothesis choosing the changes; each run draws
others than the last. A file that breaks something is kept in the folder of findings, as small as hypothesis could make
it, and is to become a test. One process per target in turn: a decoder that ends the whole process, or hangs, is
a finding too. With --guided atheris chooses the changes by the lines of ours, of zipfile and of Pillow that they reach;
it must be installed (`pip install atheris`, Linux) and is no part of the environment.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SUPPORT = ROOT / "tests" / "support"
#: The file that is being read, for the case that reading it ends the process.
CURRENT = "current"
ROUND_S, HANGS_S = 20.0, 60.0
#: Also of a process that a busy machine let wait until its time was over.
FEWEST = 20


def main(argv: Sequence[str] | None = None) -> int:
    sys.path.insert(0, str(SUPPORT))
    if "--guided" in (argv or sys.argv) and "--child" in (argv or sys.argv):
        load_watched()
    from fuzz_targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--minutes", type=float, default=5.0, help="of all targets together (default 5)")
    parser.add_argument("--guided", action="store_true", help="let atheris choose the changes")
    parser.add_argument("--findings", type=Path, default=ROOT / "out" / "fuzz", help="where findings are kept")
    parser.add_argument("--child", nargs=3, metavar=("NAME", "SEED", "SECONDS"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if unknown := sorted(set(args.names) - TARGETS.keys()):
        parser.error(f"there is no target {unknown[0]}; there are {', '.join(TARGETS)}")
    if args.guided and importlib.util.find_spec("atheris") is None:
        parser.error("--guided needs atheris, which is not installed: pip install atheris")
    if args.child:
        name, seed, seconds = args.child
        return Tries(name, int(seed), float(seconds), args.findings).run(guided=args.guided)
    return all_in_turn(args.names or list(TARGETS), args.minutes * 60, args.findings, ["--guided"] * args.guided)


def all_in_turn(names: Sequence[str], seconds: float, findings: Path, more: Sequence[str]) -> int:
    """Rounds of all ``names`` until the time is over; how many findings there were decides the exit code."""
    findings.mkdir(parents=True, exist_ok=True)
    share = min(ROUND_S, seconds / len(names) / 2)
    until, seed, tried, found = time.monotonic() + seconds, time.time_ns() % (1 << 31), 0, 0
    while time.monotonic() < until:
        for name in names:
            seed += 1
            count, problem = in_a_child(name, seed, share, findings, more)
            tried += count
            found += bool(problem)
            print(f"{name}: {count} files{'; ' + problem if problem else ''}", flush=True)
            if time.monotonic() >= until:
                break
    print(f"{tried} files, {found} findings{f' in {findings}' if found else ''}.")
    return 1 if found else 0


def in_a_child(name: str, seed: int, seconds: float, findings: Path, more: Sequence[str]) -> tuple[int, str]:
    """How many files were tried, and what was found in words."""
    with tempfile.TemporaryDirectory(prefix="unmask-fuzz-") as home:
        command = [sys.executable, __file__, "--findings", str(findings.resolve()), *more]
        command += ["--child", name, str(seed), str(seconds)]
        places = {f"XDG_{kind}_HOME": str(Path(home) / kind.lower()) for kind in ("CACHE", "DATA", "CONFIG", "STATE")}
        places |= {"QT_QPA_PLATFORM": "offscreen", "TMPDIR": home, "PYTHONFAULTHANDLER": "1"}
        try:
            done = subprocess.run(
                command, env={**os.environ, **places}, cwd=home, check=False, capture_output=True, text=True,
                errors="replace", timeout=seconds + HANGS_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 0, f"it hangs; the file is {kept(findings, name, 'hangs')}"
    counts = re.findall(r"^(?:tried|stat::number_of_executed_units:) (\d+)$", done.stdout + done.stderr, re.MULTILINE)
    count = int(counts[-1]) if counts else 0
    if done.returncode == 0:
        (findings / f"{name}.{CURRENT}").unlink(missing_ok=True)
        return count, ""
    if done.returncode == 1:
        said = [line for line in done.stdout.splitlines() if line.startswith("broken: ")]
        return count, (said or done.stderr.strip().splitlines() or ["it failed without a word"])[-1]
    sys.stderr.write(done.stderr[-2000:])
    return count, f"the process ended with {done.returncode}; the file is {kept(findings, name, 'crash')}"


def kept(findings: Path, name: str, how: str) -> Path:
    """The file that was being read, under a name that stays."""
    current = findings / f"{name}.{CURRENT}"
    raw = current.read_bytes() if current.is_file() else b""
    path = findings / f"{name}-{how}-{hashlib.sha256(raw).hexdigest()[:12]}"
    path.write_bytes(raw)
    return path


class Tries:
    """In a process of its own: changed files of one target until the time is over, or one breaks something."""

    def __init__(self, name: str, seed: int, seconds: float, findings: Path) -> None:
        self._name, self._seed, self._seconds, self._findings = name, seed, seconds, findings
        self._until, self._tried = 0.0, 0
        self._broken: list[bytes] = []
        self._current = findings / f"{name}.{CURRENT}"

    def run(self, *, guided: bool) -> int:
        from fuzz_targets import TARGETS

        if self._name == "settings":
            from unmask.gui.qt import application

            _keep = application()  # what is set here lives in an application
        target = TARGETS[self._name]
        with tempfile.TemporaryDirectory() as folder:
            if guided:
                self._guided(target, Path(folder))
            drawn = self._drawn(target, Path(folder))
            self._until = time.monotonic() + self._seconds  # the imports took their time
            try:
                drawn()
            except TimeIsOver:
                pass
            except Exception:  # noqa: BLE001 - whatever a reader lets through is a finding
                self._current.write_bytes(self._broken[-1])
                print(f"broken: {kept(self._findings, self._name, 'broken')}")
                print(traceback.format_exc(limit=-4))
            print(f"tried {self._tried}", flush=True)
        return 1 if self._broken else 0

    def _drawn(self, target: Any, folder: Path) -> Any:
        import hypothesis
        from hypothesis import HealthCheck, Phase, given, settings

        @hypothesis.seed(self._seed)
        @settings(
            max_examples=1_000_000, deadline=None, database=None, suppress_health_check=list[Any](HealthCheck),
            phases=[Phase.generate, Phase.shrink], print_blob=False,
        )  # fmt: skip
        @given(target.data())
        def try_one(raw: bytes) -> None:
            if time.monotonic() > self._until and self._tried >= FEWEST and not self._broken:
                raise TimeIsOver
            self._tried += 1
            self._current.write_bytes(raw)
            try:
                target.check(raw, folder)
            except Exception:
                self._broken.append(raw)  # the last one is the smallest
                raise

        return try_one

    def _guided(self, target: Any, folder: Path) -> None:
        """From the sound files on, byte by byte, until the time is over; atheris itself ends the process."""
        atheris: Any = importlib.import_module("atheris")
        corpus, own = folder / "corpus", folder / "own"
        corpus.mkdir()
        own.mkdir()
        for number, raw in enumerate(target.sound()):
            (corpus / str(number)).write_bytes(raw)

        def take(raw: bytes) -> None:
            self._current.write_bytes(raw)
            target.check(raw, own)

        words = [
            f"-max_total_time={self._seconds:.0f}",
            f"-seed={self._seed}",
            "-max_len=60000",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *words, f"-artifact_prefix={folder}/", str(corpus)], take)
        atheris.Fuzz()


def load_watched() -> None:
    """Import what is to be watched line by line while atheris counts."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["unmask", "zipfile", "PIL"], enable_loader_override=False):
        for name in ("engines.package", "realtime.scan.items", "training.prepare.index"):
            importlib.import_module(f"unmask.{name}")


class TimeIsOver(BaseException):
    """Ends hypothesis, which would take an ordinary error for a finding and make it smaller."""


if __name__ == "__main__":
    sys.exit(main())
