"""TensorRT says why something failed only to its logger: the lines are kept for the exception.

TensorRT uses the first logger that a process gives it for everything after, so there is one for the process,
and whoever waits for lines collects them meanwhile. Two builds at once share theirs.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Generator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorrt as trt

_KEPT = 20
_IN_A_MESSAGE = 3
_LONGEST = 400

_guard = threading.Lock()
_collectors: list[Lines] = []


class Lines:
    """The newest warnings and errors that TensorRT gave."""

    def __init__(self) -> None:
        self._errors: deque[str] = deque(maxlen=_KEPT)
        self._warnings: deque[str] = deque(maxlen=_KEPT)

    def add(self, text: str, *, is_error: bool) -> None:
        (self._errors if is_error else self._warnings).append(" ".join(text.split()))

    def reasons(self) -> str:
        """The first errors in one line (the later ones follow from them), else the last warnings."""
        lines = list(dict.fromkeys(self._errors))[:_IN_A_MESSAGE] or list(self._warnings)[-_IN_A_MESSAGE:]
        if not lines:
            return "TensorRT gave no reason"
        return "TensorRT says: " + " | ".join(line[:_LONGEST].rstrip(".") for line in lines)


@contextlib.contextmanager
def kept_lines() -> Generator[Lines]:
    """Collect what TensorRT says meanwhile, from any of its threads."""
    lines = Lines()
    with _guard:
        _collectors.append(lines)
    try:
        yield lines
    finally:
        with _guard:
            _collectors.remove(lines)


def spread(text: str, *, is_error: bool) -> None:
    """Give a line to everybody who collects."""
    with _guard:
        for lines in _collectors:
            lines.add(text, is_error=is_error)


@cache
def the_logger() -> trt.ILogger:
    """The logger of this process. It prints nothing: lines reach a person through exceptions."""
    import tensorrt as trt

    errors = (trt.ILogger.INTERNAL_ERROR, trt.ILogger.ERROR)

    class KeepingLogger(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
            if severity in errors or severity == trt.ILogger.WARNING:
                spread(msg, is_error=severity in errors)

    return KeepingLogger()
