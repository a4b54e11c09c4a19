"""Mutation testing: makes one small mistake at a time in a module and asks its tests whether they notice.

    python scripts/mutation.py [SUBJECT ...] [--sample SHARE] [--seed N] [--jobs N] [--json FILE] [--again FILE]

Each mutant lives only in a forked process, which runs the tests of its module until the first failure; no file is
changed. Our own, because ``mutmut`` and ``cosmic-ray`` want a module's folder to have the name that it is imported
by, or change files in place. Needs ``fork``, so not Windows. ``mutants.py`` says what is changed;
``mutation_equivalent.toml`` lists mutants that were looked at and are no mistakes, each with the reason.
Ends with 1 where a mutant survived that is not on that list.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import CodeType, ModuleType

from mutants import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = Path(__file__).with_name("mutation_equivalent.toml")
#: Loaded once, before the forks. Nothing of ours: each process must load the mutant, and what depends on it, anew.
PRELOADED = ("numpy", "cv2", "onnx", "onnxruntime", "pydantic", "pytest", "hypothesis.strategies")
#: Tests of this name start processes of their own, which load the module as it is.
OTHER_PROCESS = "scipy"

_LIVE, _TRACKING = "tests/realtime", "tests/realtime/tracking"
#: Subject -> module -> the tests that are its own, quickest to notice first.
SUBJECTS: dict[str, dict[str, tuple[str, ...]]] = {
    "verdict": {
        "realtime/verdict.py": tuple(f"{_LIVE}/test_verdict{part}.py" for part in ("", "_details", "_properties")),
    },
    "window": {"realtime/window.py": (f"{_LIVE}/test_window.py", f"{_LIVE}/test_window_equality.py")},
    "crop": {"realtime/faces/crop.py": (f"{_LIVE}/faces/test_crop.py",)},
    "tracking": {
        "realtime/tracking/tracker.py": (f"{_TRACKING}/test_tracker_rules.py", f"{_TRACKING}/test_tracker.py"),
        "realtime/tracking/motion.py": (f"{_TRACKING}/test_motion.py", f"{_TRACKING}/test_tracker.py"),
        "realtime/tracking/association.py": (f"{_TRACKING}/test_association.py", f"{_TRACKING}/test_tracker.py"),
        "realtime/tracking/assignment.py": (f"{_TRACKING}/test_assignment.py",),
        "realtime/tracking/appearance.py": (f"{_TRACKING}/test_appearance.py",),
        "realtime/tracking/cuts.py": (f"{_TRACKING}/test_cuts.py",),
    },
    "cache-key": {
        "engines/built_cache.py": ("tests/engines/test_built_cache.py",),
        "engines/choice_memory.py": ("tests/engines/test_choice_memory.py", "tests/engines/test_choice.py"),
        "engines/choice.py": ("tests/engines/test_choice_measuring.py", "tests/engines/test_choice.py"),
        "engines/machine.py": ("tests/engines/test_machine.py",),
        "engines/tensorrt/plan_cache.py": ("tests/engines/tensorrt/test_building.py",),
    },
}


@dataclass(slots=True)
class Tally:
    """What became of the mutants of one module: ``made`` in all, ``tried`` of them."""

    module: str
    made: int
    tried: int = 0
    killed: int = 0
    timeouts: int = 0
    equivalent: int = 0
    survivors: list[str] = field(default_factory=list)


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Gives one module other code than its file has."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        self._name, self._path, self._code = name, path, code

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=str(self._path))
        spec.has_location = True
        return spec

    def get_code(self, fullname: str) -> CodeType:
        return self._code

    def get_source(self, fullname: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant in a process of its own."""

    mutant: Mutant
    deadline: float
    folder: Path


def start(module: str, tests: Sequence[str], mutant: Mutant, cpu_s: float, wall_s: float) -> tuple[int, Trial]:
    """Fork a process that runs ``tests`` with ``mutant`` in the place of ``module``; its id."""
    folder = Path(tempfile.mkdtemp(prefix="mutant-"))
    process = os.fork()
    if process:
        return process, Trial(mutant, time.monotonic() + wall_s, folder)
    status = 3
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(nowhere, handle)
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 2))
        name = "unmask." + module.removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, Mutated(name, ROOT / module, mutant.code))
        status = run_tests(tests, folder)
    finally:
        os._exit(status)


def run_tests(tests: Sequence[str], folder: Path) -> int:
    """Pytest's exit status: 0 where nobody noticed. File by file: the next is imported only where it is needed."""
    import pytest

    plain = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:pytest-qt", "-k", f"not {OTHER_PROCESS}"]
    for number, path in enumerate(tests):
        if status := int(pytest.main([*plain, f"--basetemp={folder / str(number)}", path])):
            return status
    return 0


def usual_cost(module: str, tests: Sequence[str]) -> tuple[float, float]:
    """(processor, wall) seconds of the tests with the module as it is. Raises ``SystemExit`` where they fail."""
    path = ROOT / module
    sound = Mutant(0, "", "", compile(path.read_text(encoding="utf-8"), str(path), "exec"))
    began = time.monotonic()
    process, trial = start(module, tests, sound, 600, 600)
    _, status, usage = os.wait4(process, 0)
    shutil.rmtree(trial.folder, ignore_errors=True)
    if status:
        raise SystemExit(f"{module}: its tests do not pass as it is ({' '.join(tests)}).")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began


def outcomes(module: str, tests: Sequence[str], mutants: Sequence[Mutant], jobs: int) -> Iterator[tuple[Mutant, str]]:
    """(mutant, ``killed``, ``timeout`` or ``survived``) of each, ``jobs`` at a time."""
    cpu_s, wall_s = usual_cost(module, tests)
    limits = 4 * cpu_s + 5, 20 * wall_s + 60  # an endless loop burns the first, a dead wait the second
    waiting, running = list(reversed(mutants)), dict[int, Trial]()
    while waiting or running:
        while waiting and len(running) < jobs:
            process, trial = start(module, tests, waiting.pop(), *limits)
            running[process] = trial
        process, status = os.waitpid(-1, os.WNOHANG)
        late = [number for number, trial in running.items() if time.monotonic() > trial.deadline]
        for number in late:
            os.killpg(number, signal.SIGKILL)
        if process in running:
            trial = running.pop(process)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process, signal.SIGKILL)  # what its tests started
            shutil.rmtree(trial.folder, ignore_errors=True)
            timeout = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGXCPU)
            yield trial.mutant, "timeout" if timeout else ("killed" if status else "survived")
        elif not process:
            time.sleep(0.02)


def known_equivalent() -> set[tuple[str, str, str]]:
    """(module, source line, change) of the mutants that are no mistakes."""
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {(entry["module"], entry["line"], entry["change"]) for entry in listed}


def shown(module: str, mutant: Mutant) -> str:
    return f"{module}: {mutant.text}    [{mutant.change}]"


def chosen(module: str, mutants: Sequence[Mutant], given: argparse.Namespace) -> Sequence[Mutant]:
    """Those that survived the last time, a random share, or all."""
    if given.again:
        last = {line for tally in json.loads(given.again.read_text(encoding="utf-8")) for line in tally["survivors"]}
        return [mutant for mutant in mutants if shown(module, mutant) in last]
    if given.sample < 1:
        return random.Random(given.seed).sample(mutants, max(1, round(given.sample * len(mutants))))
    return mutants


def examine(module: str, tests: Sequence[str], given: argparse.Namespace) -> Tally:
    """Try the mutants of ``module`` that the arguments choose."""
    path, excused = ROOT / module, known_equivalent()
    mutants = mutants_of(path.read_text(encoding="utf-8"), str(path))
    tally = Tally(module, len(mutants))
    for mutant, outcome in outcomes(module, tests, chosen(module, mutants, given), given.jobs):
        tally.tried += 1
        tally.killed += outcome == "killed"
        tally.timeouts += outcome == "timeout"
        if outcome == "survived" and (module, mutant.text, mutant.change) in excused:
            tally.equivalent += 1
        elif outcome == "survived":
            tally.survivors.append(shown(module, mutant))
            print(f"line {mutant.line} of {tally.survivors[-1]}", flush=True)
    return tally


def table(tallies: Sequence[Tally]) -> str:
    """The outcome as a Markdown table."""
    rows = ["| module | mutants | tried | killed | timeouts | equivalent | survived |", "|---|---|---|---|---|---|---|"]
    rows += [
        f"| `{one.module}` | {one.made} | {one.tried} | {one.killed} | {one.timeouts} | {one.equivalent} "
        f"| {len(one.survivors)} |"
        for one in tallies
    ]
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of the modules that a verdict hangs on.")
    parser.add_argument("subject", nargs="*", help=f"of {', '.join(SUBJECTS)}, or a module's path; all where none is")
    parser.add_argument("--sample", type=float, default=1.0, help="share of each module's mutants, 0..1")
    parser.add_argument("--seed", type=int, default=7, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--json", type=Path, help="also write the outcome there")
    parser.add_argument("--again", type=Path, help="try only the survivors in such a file")
    given = parser.parse_args()
    modules = {module: tests for subject in SUBJECTS.values() for module, tests in subject.items()}
    asked = [name for word in given.subject or SUBJECTS for name in SUBJECTS.get(word, [word])]
    if unknown := [name for name in asked if name not in modules]:
        parser.error(f"there is no subject or module {unknown[0]}")
    os.chdir(ROOT)
    for name in PRELOADED:
        importlib.import_module(name)
    from hypothesis import settings

    settings.register_profile("mutation", database=None, derandomize=True)
    settings.load_profile("mutation")
    tallies = [examine(name, modules[name], given) for name in asked]
    print(table(tallies))
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in tallies], indent=1), encoding="utf-8")
    return 1 if any(one.survivors for one in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
