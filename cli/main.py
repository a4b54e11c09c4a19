"""The entry point of ``unmask``. Subcommands are imported only when they are called: help stays fast."""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import select
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from unmask.engines.errors import UnmaskError

#: Command -> (module with ``add_arguments(parser)`` and ``run(args) -> int``, one line of help).
COMMANDS = {
    "watch": ("unmask.cli.watch", "watch live sources: a window, or the terminal with --headless"),
    "scan": ("unmask.cli.scan", "analyse files, folders, archives and addresses; table, JSON, HTML"),
    "demo": ("unmask.cli.demo", "run everything on a synthetic clip that is made on this machine"),
    "history": ("unmask.cli.history", "list, search, show, export and delete what was watched and scanned"),
    "sources": ("unmask.cli.sources", "list the cameras, screens and windows of this machine"),
    "detectors": ("unmask.cli.detectors", "list, show and verify detector packages"),
    "engines": ("unmask.cli.engines", "list the runtimes, and why the others cannot run"),
    "doctor": ("unmask.cli.doctor", "find out what is wrong or missing here, and what to do about it"),
    "export": ("unmask.cli.export", "make a detector package of a trained network, or of an ONNX classifier"),
    "bench": ("unmask.cli.bench", "measure speed, latency and endurance on this machine, and compare"),
    "train": ("unmask.cli.train", "prepare data, train, evaluate and explain detectors"),
}

DONE, CANNOT, INTERRUPTED, OUTPUT_CLOSED = 0, 2, 130, 141


class _Parser(argparse.ArgumentParser):
    """One sentence on a wrong argument, in place of the usage text; options are never abbreviated."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})  # pyright: ignore[reportArgumentType]

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see: {self.prog} --help", file=sys.stderr)
        raise SystemExit(CANNOT)

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Say that ``words`` were left over, and which option was meant where one is near."""
        first = words[0].partition("=")[0]
        if not first.startswith("-"):
            self.error(f"there is nothing to do with {first!r}")
        near = difflib.get_close_matches(first, self._option_string_actions, n=1)
        self.error(f"there is no option {first}" + (f" (did you mean {near[0]}?)" if near else ""))

    def innermost(self, words: Sequence[str]) -> _Parser:
        """The parser of the command that ``words`` name, nested ones too."""
        inner = self._subparsers._group_actions[0] if self._subparsers is not None else None
        choices: dict[str, _Parser] = getattr(inner, "choices", None) or {}
        found = next((number for number, word in enumerate(words) if word in choices), None)
        return self if found is None else choices[words[found]].innermost(words[found + 1 :])


class _Version(argparse.Action):
    """Prints the version. Reading the installed metadata costs more than the rest of the help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"unmask {version('unmask')}")
        raise SystemExit(DONE)


def build_parser(command: str | None) -> _Parser:
    """The parser, with the arguments of ``command`` only; the others are names and a line of help."""
    parser = _Parser(
        prog="unmask",
        description="Watch calls and scan videos for signs of face manipulation, on this machine alone. "
        "Without a command it opens a window that asks what to watch.",
        epilog="What it says is a hint, never proof: confirm through another channel.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error; works anywhere")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        child = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name == command:
            loaded = importlib.import_module(module)
            loaded.add_arguments(child)
            child.set_defaults(run=loaded.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 2 cannot be done, 130 interrupted, 141 output closed."""
    arguments, debug = _without_debug(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # A file name, or a mark that the terminal's alphabet lacks, must not end a long scan.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments, debug)
        sys.stdout.flush()  # here, where a closed pipe can still be told from a fault
        return code
    except UnmaskError as error:
        return _complain(str(error), debug)
    except BrokenPipeError:
        if not _output_is_closed():
            raise
        return OUTPUT_CLOSED
    except OSError as error:
        if error.strerror is None:
            raise
        thing = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{thing}{error.strerror}.", debug)
    except KeyboardInterrupt:
        print("unmask: interrupted.", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: list[str], debug: bool) -> int:
    command = next((word for word in arguments if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        raise UnmaskError(_unknown(command))
    own_choice = not arguments and _there_is_a_window()
    if own_choice:
        command, arguments = "watch", ["watch"]
    parser = build_parser(command)
    args, left_over = parser.parse_known_args(arguments)
    if left_over:
        parser.innermost(arguments).refuse(left_over)
    if command is None:
        parser.print_help(sys.stderr)
        return CANNOT
    args.debug = debug
    if own_choice:
        args.own_choice = True
    return args.run(args)


def _there_is_a_window() -> bool:
    """Whether a window can be shown to somebody who says nothing; the terminal shows the help instead."""
    from unmask.cli.watch import can_show_window

    return can_show_window()


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """``--debug`` may stand anywhere, behind a nested command too; after ``--`` it is a plain word."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != "--debug"]
    return [*kept, *arguments[end:]], len(kept) < end


def _unknown(command: str) -> str:
    near = difflib.get_close_matches(command, [*COMMANDS, "--help"], n=1)
    guess = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}."
    return f"There is no command {command!r}; {guess}"


def _complain(message: str, debug: bool) -> int:
    from unmask.engines.plain_text import plain
    from unmask.realtime.sources.addresses import without_passwords

    if debug:
        print(without_passwords(traceback.format_exc()), end="", file=sys.stderr)
    print(f"unmask: {plain(without_passwords(message), 4000)}", file=sys.stderr)
    return CANNOT


def _output_is_closed() -> bool:
    """Whether it is our own output that nobody reads; if so, nothing is written to it any more."""
    try:
        output = sys.stdout.fileno()
    except OSError:  # something in memory stands in for it
        return False
    if not hasattr(select, "poll"):  # Windows: the error itself is all there is to know
        return False
    watch = select.poll()
    watch.register(output, select.POLLERR)
    closed = bool(watch.poll(0))
    if closed:
        # The interpreter flushes once more at exit, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return closed


if __name__ == "__main__":
    sys.exit(main())
