"""The errors that Unmask raises on purpose. This module imports nothing of ours, so every room may import it.

Each message is one sentence (or two) that names the thing and the remedy: the command line prints it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence


class UnmaskError(Exception):
    """Something a person can act on. The command line prints it and exits with 2."""


class UsageError(UnmaskError):
    """An argument or a combination of arguments that cannot work."""


class SourceError(UnmaskError):
    """A frame source cannot be opened or read.

    ``retryable`` says whether opening the same source again may help (a camera that was
    unplugged, a stream server that restarts) or cannot (a file that is no video).
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class FaceModelError(UnmaskError):
    """A face detector's model file is missing, damaged or of another kind."""


class PackageError(UnmaskError):
    """A detector package is missing, damaged, or contradicts itself."""


class EngineUnavailable(UnmaskError):
    """The runtime that was asked for cannot run here. There is no silent fallback."""


class EngineError(UnmaskError):
    """A runtime that was running failed on one call."""


class EngineLost(EngineError):
    """A runtime on another machine is out of reach. It may come back: the next calls tell."""


def ends_with_a_sentence(main: Callable[[Sequence[str] | None], int | None]) -> Callable[..., int]:
    """Decorates the ``main`` of a module that is run on its own, outside of the ``unmask`` command: what it refuses
    is one sentence on standard error and exit code 2; ``None`` is success."""

    @functools.wraps(main)
    def ended(argv: Sequence[str] | None = None) -> int:
        try:
            return main(argv) or 0
        except UnmaskError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2

    return ended
