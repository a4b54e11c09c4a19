"""What an engine is opened with, beyond the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from unmask.engines.errors import UsageError

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

#: A runtime starts as many threads as it is told to: tens of thousands of them hold up the whole machine.
MOST_THREADS = 256


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Every engine reads what concerns it and ignores nothing silently: what it cannot honour it refuses.

    ``threads``: threads inside one call. ``sha256``: checked against the very bytes that are loaded.
    ``max_batch``: the largest batch that engines with fixed profiles prepare for. ``device``: which GPU,
    or which device of OpenVINO (``CPU``, ``GPU``, ``NPU``); ``None`` for the engine's usual one.
    ``cache``: folder of built engines, ``None`` for the user's cache folder. ``server``, ``remote_model`` and
    ``deadline_s`` are for ``remote``: ``host:port``, the model's name there, seconds that one call may take.
    """

    threads: int = 1
    sha256: str | None = None
    max_batch: int = 16
    device: str | None = None
    cache: Path | None = None
    server: str | None = None
    remote_model: str | None = None
    deadline_s: float = 0.5


def check_threads(threads: int) -> int:
    """``threads``, or ``UsageError`` for a number that no runtime should be asked for."""
    if threads < 1:
        raise UsageError(f"An engine needs at least one thread, it was given {threads}.")
    if threads > MOST_THREADS:
        raise UsageError(f"An engine takes at most {MOST_THREADS} threads, it was given {threads}: give fewer.")
    return threads
