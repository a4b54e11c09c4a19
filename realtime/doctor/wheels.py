"""The wheels of ONNX Runtime: there must be one, and its files must be its own.

All of them bring the module ``onnxruntime`` and overwrite each other's files; taking one away then takes
files of the other. insightface requires the one for the processor, so installing the one for NVIDIA GPUs
beside it is easily done.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from unmask.realtime.doctor.finding import Finding
from unmask.realtime.doctor.packages import installed

WHEELS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
)

#: Larger files are compared by size alone: the libraries for GPUs are hundreds of megabytes.
_HASHED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Files:
    """How many files a wheel names, and which of them are gone or somebody else's."""

    total: int
    missing: int
    foreign: int


def onnx_runtime() -> Iterator[Finding]:
    """How many wheels there are, and whether the files on the disk are those that each one brought."""
    versions = installed()
    wheels = [name for name in WHEELS if name in versions]
    if not wheels:
        text = "ONNX Runtime is not installed: no face can be found and no detector can run."
        yield Finding("ONNX Runtime", "wheels", "problem", text, "Run: pip install onnxruntime")
        return
    told = " and ".join(f"{name} {versions[name]}" for name in wheels)
    if len(wheels) > 1:
        text = f"{told} are installed together: they bring the same files and overwrite each other.{_keep(wheels)[1]}"
        yield Finding("ONNX Runtime", "wheels", "problem", text, _remedy(wheels))
    else:
        yield Finding("ONNX Runtime", "wheels", "ok", f"{told} is the only one.")
    for name in wheels:
        yield _files_finding(name, versions[name], wheels)
    yield _module_finding(wheels, versions)


def _keep(wheels: list[str]) -> tuple[str, str]:
    """The wheel to keep, and why: the one for this machine's GPU where it has one, else the processor's."""
    others = [name for name in wheels if name != "onnxruntime"]
    if not others:
        return "onnxruntime", ""
    if others != ["onnxruntime-gpu"]:
        return next(name for name in others if name != "onnxruntime-gpu"), ""
    if shutil.which("nvidia-smi"):
        return "onnxruntime-gpu", " This machine has an NVIDIA driver, so the one for GPUs is worth keeping."
    return "onnxruntime", " This machine shows no NVIDIA driver, so the one for the processor is worth keeping."


def _remedy(wheels: list[str]) -> str:
    keep = wheels[0] if len(wheels) == 1 else _keep(wheels)[0]
    return f"Run: pip uninstall -y {' '.join(wheels)} && pip install --no-deps --force-reinstall {keep}"


def _files_finding(name: str, version: str, wheels: list[str]) -> Finding:
    files = _compared(metadata.files(name) or [])
    if not files.missing and not files.foreign:
        return Finding("ONNX Runtime", f"files of {name}", "ok", f"All {files.total} files are its own.")
    parts = []
    if files.foreign:
        parts.append(f"{files.foreign} were overwritten by another package")
    if files.missing:
        parts.append(f"{files.missing} are missing")
    text = f"Of the {files.total} files of {name} {version}, {' and '.join(parts)}."
    return Finding("ONNX Runtime", f"files of {name}", "problem", text, _remedy(wheels))


def _compared(files: list[metadata.PackagePath]) -> _Files:
    missing = foreign = total = 0
    for file in files:
        if file.hash is None or "__pycache__" in file.parts:
            continue  # the list of files itself, and what Python compiled
        total += 1
        try:
            foreign += not _same(Path(str(file.locate())), file)
        except OSError:
            missing += 1
    return _Files(total, missing, foreign)


def _same(path: Path, file: metadata.PackagePath) -> bool:
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return False
    if size > _HASHED_BYTES or file.hash is None or file.hash.mode not in hashlib.algorithms_available:
        return True
    digest = hashlib.new(file.hash.mode, path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value


def _module_finding(wheels: list[str], versions: dict[str, str]) -> Finding:
    """The module that is really imported, and what was compiled into it."""
    try:
        import onnxruntime

        loaded, compiled = onnxruntime.__version__, onnxruntime.get_available_providers()
    except Exception as error:  # noqa: BLE001 - half a wheel fails in any way it likes
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        text = f"The module onnxruntime does not load ({reason})."
        return Finding("ONNX Runtime", "module", "problem", text, _remedy(wheels))
    if loaded not in {versions[name] for name in wheels}:
        text = f"The module onnxruntime says it is {loaded}, which is none of the installed packages."
        return Finding("ONNX Runtime", "module", "problem", text, _remedy(wheels))
    names = ", ".join(name.removesuffix("ExecutionProvider") for name in compiled)
    text = f"The module loads as {loaded}; compiled in, which is not yet running: {names}."
    return Finding("ONNX Runtime", "module", "ok", text)
