"""The command line as a person meets it: wrong arguments, help, and the way out."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import types
from collections.abc import Callable

import pytest

from unmask.cli import main as command_line
from unmask.engines.errors import UsageError

HEAVY = {
    "numpy",
    "cv2",
    "onnxruntime",
    "onnx",
    "torch",
    "PyQt6",
    "av",
    "mss",
    "pydantic",
    "rich",
    "insightface",
}

Body = Callable[[argparse.Namespace], int]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Callable[[Body], None]:
    """Puts a command ``toy`` with an option and a nested command in the place of the real ones."""

    def install(body: Body) -> None:
        module = types.ModuleType("toy_command")

        def add_arguments(parser: argparse.ArgumentParser) -> None:
            parser.add_argument("--frames", type=int, default=0)
            nested = parser.add_subparsers(dest="action", required=True)
            nested.add_parser("show").add_argument("name")

        vars(module).update(add_arguments=add_arguments, run=body)
        monkeypatch.setitem(sys.modules, "toy_command", module)
        monkeypatch.setattr(command_line, "COMMANDS", {"toy": ("toy_command", "a toy"), "other": ("absent", "x")})

    return install


def raises(error: BaseException) -> Body:
    def body(_: argparse.Namespace) -> int:
        raise error

    return body


def outcome(*arguments: str) -> int | str | None:
    """The exit code, whichever way it is handed out."""
    try:
        return command_line.main(list(arguments))
    except SystemExit as leaving:
        return leaving.code


@pytest.mark.parametrize("name", command_line.COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(name, "--help") == 0
    assert capsys.readouterr().out.startswith(f"usage: unmask {name}")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["taoy"], "did you mean toy?"),
        (["nonsense-word"], "toy, other"),
        (["--wrong"], "--wrong"),
        (["toy"], "action"),
        (["toy", "show"], "name"),
        (["toy", "show", "it", "--wrong"], "--wrong"),
        (["toy", "--frames", "many", "show", "it"], "'many'"),
        (["toy", "--fra=3", "show", "it"], "--fra"),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    toy: Callable[[Body], None], capsys: pytest.CaptureFixture[str], arguments: list[str], names: str
) -> None:
    toy(lambda _: 0)
    assert outcome(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.err.startswith("unmask")
    assert names in printed.err


def test_right_arguments_arrive(toy: Callable[[Body], None]) -> None:
    seen: list[argparse.Namespace] = []
    toy(lambda args: seen.append(args) or 7)
    assert outcome("toy", "--frames", "3", "show", "it") == 7
    assert (seen[0].frames, seen[0].name, seen[0].debug) == (3, "it", False)


def test_without_a_command_and_a_display_there_is_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unmask.cli.watch.can_show_window", lambda: False)
    assert outcome() == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "watch" in printed.err


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_shows_the_traceback_wherever_it_stands(
    toy: Callable[[Body], None], capsys: pytest.CaptureFixture[str], place: int
) -> None:
    toy(raises(UsageError("The toy is broken; mend it.")))
    arguments = ["toy", "show", "it"]
    arguments.insert(place, "--debug")
    assert outcome(*arguments) == 2
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert printed.endswith("unmask: The toy is broken; mend it.\n")


def test_a_name_may_be_debug_behind_a_double_dash(toy: Callable[[Body], None]) -> None:
    seen: list[argparse.Namespace] = []
    toy(lambda args: seen.append(args) or 0)
    assert outcome("toy", "show", "--", "--debug") == 0
    assert (seen[0].name, seen[0].debug) == ("--debug", False)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UsageError("The toy is broken; mend it."), 2, "unmask: The toy is broken; mend it.\n"),
        (PermissionError(13, "Permission denied", "/a/file"), 2, "unmask: /a/file: Permission denied.\n"),
        (OSError(28, "No space left on device"), 2, "unmask: No space left on device.\n"),
        (KeyboardInterrupt(), 130, "unmask: interrupted.\n"),
    ],
)
def test_what_goes_wrong_in_a_command_is_one_sentence(
    toy: Callable[[Body], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    sentence: str,
) -> None:
    toy(raises(error))
    assert outcome("toy", "show", "it") == code
    assert capsys.readouterr().err == sentence


def test_a_fault_of_ours_is_not_hidden(toy: Callable[[Body], None]) -> None:
    toy(raises(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        outcome("toy", "show", "it")


def test_a_broken_pipe_that_is_not_the_output_is_not_hidden(toy: Callable[[Body], None]) -> None:
    toy(raises(BrokenPipeError(32, "Broken pipe")))
    with pytest.raises(BrokenPipeError):
        outcome("toy", "show", "it")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_nobody_reads_the_output(unbuffered: str) -> None:
    program = (
        "import sys, types\n"
        "from unmask.cli import main as cli\n"
        "def run(args):\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    print('more', flush=True)\n"
        "    return 0\n"
        "sys.modules['toy'] = types.SimpleNamespace(add_arguments=lambda parser: None, run=run)\n"
        "cli.COMMANDS['toy'] = ('toy', 'a toy')\n"
        "sys.exit(cli.main(['toy']))\n"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    settings = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=settings) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.stdout.close()
        process.stdin.write(b"go on\n")
        process.stdin.close()
        complaint = process.stderr.read()
        assert (process.wait(timeout=30), complaint.decode()) == (141, "")


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("--version") == 0
    assert capsys.readouterr().out.startswith("unmask 0.")


@pytest.mark.parametrize("arguments", [["--help"], [], ["wrong"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from unmask.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))\n"
    )
    without = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=without)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "argparse" in loaded
    assert not loaded & HEAVY
