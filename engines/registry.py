"""Every engine by its name on the command line, and why the missing ones are missing."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.engine import Engine
from unmask.engines.errors import EngineUnavailable, UsageError
from unmask.engines.model_bytes import one_line
from unmask.engines.options import EngineOptions

#: Name -> module with ``create(model, options) -> Engine`` and ``why_unavailable() -> str | None``.
_TABLE: dict[str, str] = {
    "ort-cpu": "unmask.engines.ort_cpu",
    "ort-cuda": "unmask.engines.ort_cuda",
    "ort-tensorrt": "unmask.engines.ort_tensorrt",
    "ort-openvino": "unmask.engines.ort_openvino",
    "ort-coreml": "unmask.engines.ort_coreml",
    "ort-directml": "unmask.engines.ort_directml",
    "tensorrt": "unmask.engines.tensorrt",
    "openvino": "unmask.engines.openvino",
    "torch": "unmask.engines.torch_reference",
    "remote": "unmask.engines.remote",
}

AUTO = "auto"
#: The engine that runs on every machine, and that the others are measured against.
STANDARD = "ort-cpu"
#: What ``auto`` may pick: no server is asked without being told to, and torch is a reference, no runtime.
AUTO_ENGINES: tuple[str, ...] = tuple(name for name in _TABLE if name not in ("torch", "remote"))

ENGINE_NAMES: tuple[str, ...] = (AUTO, *_TABLE)

#: What an engine that can run wants besides.
_READY = {"remote": "ready; needs --server HOST:PORT", "torch": "ready; a reference, auto never picks it"}


@dataclass(frozen=True, slots=True)
class EngineListing:
    """One row of ``unmask engines``; ``reason`` says why it can or cannot run, never empty."""

    name: str
    available: bool
    reason: str


def require_engine(name: str) -> None:
    """Raise ``UsageError`` for a name that does not exist and ``EngineUnavailable`` for an engine that cannot
    run here, or for ``auto`` where it could pick none. Opens nothing."""
    if name not in ENGINE_NAMES:
        raise UsageError(f"There is no engine {name!r}: choose one of {', '.join(ENGINE_NAMES)}.")
    if name == AUTO:
        if all(why_unavailable(each) for each in AUTO_ENGINES):
            raise EngineUnavailable(f"No engine can run here: {STANDARD}: {why_unavailable(STANDARD)}.")
        return
    problem = why_unavailable(name)
    if problem is not None:
        remedy = f"; or use --engine {STANDARD}" if name != STANDARD else ""
        raise EngineUnavailable(f"The engine {name} cannot run here: {problem}{remedy}.")


def open_engine(name: str, model: Path, options: EngineOptions | None = None) -> Engine:
    """Open ``model`` with the engine ``name`` (one of ``ENGINE_NAMES``) and warm it up.

    The caller closes the engine. ``auto`` measures and remembers, see ``unmask.engines.choice``. Raises
    ``UsageError`` for an unknown name or an option that the engine cannot honour, ``EngineUnavailable`` when
    it cannot run here, ``EngineError`` when it cannot run this model, ``PackageError`` for a wrong checksum.
    """
    options = options or EngineOptions()
    require_engine(name)
    if name == AUTO:
        from unmask.engines.choice import choose  # it opens engines through this module

        name = choose(model, options.sha256, options).engine
    engine: Engine = importlib.import_module(_TABLE[name]).create(model, options)
    engine.open()
    return engine


def list_engines() -> list[EngineListing]:
    """Every name, whether it can run here, and why (not)."""
    rows = []
    for name in _TABLE:
        problem = why_unavailable(name)
        rows.append(EngineListing(name, problem is None, problem or _READY.get(name, "ready")))
    there = [row.name for row in rows if row.available and row.name in AUTO_ENGINES]
    match there:
        case []:
            picks = f"none of the engines that it may pick can run: {STANDARD}: {why_unavailable(STANDARD)}"
        case [only]:
            picks = f"picks {only}: the only one here that it may pick"
        case several:
            picks = f"picks the fastest of {', '.join(several)}, measured once for each detector"
    return [EngineListing(AUTO, bool(there), picks), *rows]


def why_unavailable(name: str) -> str | None:
    """Why the engine ``name`` cannot run here, in words with the remedy; ``None`` when it can."""
    try:
        return importlib.import_module(_TABLE[name]).why_unavailable()
    except Exception as error:  # noqa: BLE001 - half a package fails in any way it likes, the others can still run
        said = one_line(error) or "without a reason"
        return f"its package is damaged ({type(error).__name__}: {said}); see 'unmask doctor', or reinstall it"
