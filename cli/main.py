"""The entry point of ``unmask``. Subcommands are imported only when they are called: help stays fast."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

from unmask.engines.errors import UnmaskError

#: Command -> (module with ``add_arguments(parser)`` and ``run(args) -> int``, one line of help).
COMMANDS = {
    "watch": ("unmask.cli.watch", "watch live sources: a window, or the terminal with --headless"),
    "scan": ("unmask.cli.scan", "analyse files, folders, archives and addresses; table, JSON, HTML"),
    "demo": ("unmask.cli.demo", "run everything on a synthetic clip that is made on this machine"),
    "sources": ("unmask.cli.sources", "list the cameras, screens and windows of this machine"),
    "detectors": ("unmask.cli.detectors", "list, show and verify detector packages"),
    "engines": ("unmask.cli.engines", "list the runtimes, and why the others cannot run"),
}


class _Parser(argparse.ArgumentParser):
    """One sentence on a wrong argument, in place of the usage text."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser, with the arguments of ``command`` only; the others are names and a line of help."""
    parser = _Parser(
        prog="unmask",
        description="Watch calls and scan videos for signs of face manipulation, on this machine alone.",
        epilog="What it says is a hint, never proof: confirm through another channel.",
    )
    parser.add_argument("--version", action="version", version=f"unmask {version('unmask')}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        child = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
        child.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        if name == command:
            loaded = importlib.import_module(module)
            loaded.add_arguments(child)
            child.set_defaults(run=loaded.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 2 cannot be done, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = next((word for word in arguments if word in COMMANDS), None)
    debug = "--debug" in arguments
    try:
        args = build_parser(command).parse_args(arguments)
        return args.run(args)
    except UnmaskError as error:
        if debug:
            traceback.print_exc()
        print(f"unmask: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("unmask: interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
