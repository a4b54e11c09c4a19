"""Every engine by its name on the command line, and why the missing ones are missing."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.engine import Engine
from unmask.engines.errors import EngineUnavailable, UsageError
from unmask.engines.options import EngineOptions

_NOT_BUILT = "it is not part of this version of Unmask"

#: Name -> (module with ``create`` and ``why_unavailable``, or None; why there is none).
_TABLE: dict[str, tuple[str | None, str]] = {
    "ort-cpu": ("unmask.engines.ort_cpu", ""),
    "ort-cuda": (None, _NOT_BUILT),
    "ort-tensorrt": (None, _NOT_BUILT),
    "tensorrt": (None, _NOT_BUILT),
    "openvino": (None, _NOT_BUILT),
    "torch": (None, _NOT_BUILT),
    "remote": (None, _NOT_BUILT),
}

#: What ``auto`` picks. One engine so far; a choice between several will name what it passed over.
_AUTO = "ort-cpu"

ENGINE_NAMES: tuple[str, ...] = ("auto", *_TABLE)


@dataclass(frozen=True, slots=True)
class EngineListing:
    """One row of ``unmask engines``; ``reason`` says why it can or cannot run, never empty."""

    name: str
    available: bool
    reason: str


def resolve_engine(name: str) -> str:
    """The engine that ``name`` stands for: ``auto`` becomes the one it picks.

    Raises ``UsageError`` for a name that does not exist and ``EngineUnavailable`` for one that cannot
    run here. Opens nothing.
    """
    if name not in ENGINE_NAMES:
        raise UsageError(f"There is no engine {name!r}: choose one of {', '.join(ENGINE_NAMES)}.")
    chosen = _AUTO if name == "auto" else name
    problem = _why_unavailable(chosen)
    if problem is None:
        return chosen
    remedy = f"; use --engine {_AUTO}" if chosen != _AUTO else ""
    raise EngineUnavailable(f"The engine {chosen} cannot run here: {problem}{remedy}.")


def open_engine(name: str, model: Path, options: EngineOptions | None = None) -> Engine:
    """Open ``model`` with the engine ``name`` (one of ``ENGINE_NAMES``) and warm it up.

    The caller closes the engine. Raises ``UsageError`` for an unknown
    name, ``EngineUnavailable`` when the engine cannot run here, ``EngineError`` when it cannot run this
    model and ``PackageError`` for a wrong checksum.
    """
    module, _ = _TABLE[resolve_engine(name)]
    assert module is not None  # resolve_engine let it through
    engine: Engine = importlib.import_module(module).create(model, options or EngineOptions())
    engine.open()
    return engine


def list_engines() -> list[EngineListing]:
    """Every name, whether it can run here, and why (not)."""
    problem = _why_unavailable(_AUTO)
    picked = "the only engine of this version, it runs on every machine"
    rows = [EngineListing("auto", problem is None, f"picks {_AUTO}: {problem or picked}")]
    for name in _TABLE:
        problem = _why_unavailable(name)
        rows.append(EngineListing(name, problem is None, problem or "ready"))
    return rows


def _why_unavailable(name: str) -> str | None:
    module, why_not = _TABLE[name]
    return why_not if module is None else importlib.import_module(module).why_unavailable()
