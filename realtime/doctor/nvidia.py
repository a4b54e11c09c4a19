"""NVIDIA's driver and libraries: what is there, and what each engine that wants them lacks.

Libraries are looked up by name, not loaded: CUDA's are gigabytes. Whether they work is for the check of the
engines, which starts a session.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from unmask.engines.machine import gpus_and_drivers
from unmask.realtime.doctor.finding import Finding
from unmask.realtime.doctor.packages import installed

_ASKING_S = 2.0
_ONNX_GPU = "onnxruntime-gpu"
_INSTALL = "Run: pip install 'onnxruntime-gpu[cuda,cudnn]', then unmask doctor again: it must be the only ONNX Runtime."
_ONLY_WITH_A_GPU = "Nothing, or with an NVIDIA GPU and its driver: pip install 'onnxruntime-gpu[cuda,cudnn]'"


@dataclass(frozen=True, slots=True)
class Library:
    """A library by the name that a loader knows it by, and the start of the packages that bring it."""

    title: str
    stem: str
    package: str


CUDA = (
    Library("CUDA runtime", "cudart", "nvidia-cuda-runtime"),
    Library("cuBLAS", "cublas", "nvidia-cublas"),
    Library("cuFFT", "cufft", "nvidia-cufft"),
    Library("cuRAND", "curand", "nvidia-curand"),
    Library("cuDNN", "cudnn", "nvidia-cudnn"),
)
TENSORRT = Library("TensorRT", "nvinfer", "tensorrt")


def nvidia() -> Iterator[Finding]:
    """Driver, CUDA with cuDNN, TensorRT, and cuda-python. Without a driver, what is missing is no problem."""
    versions = installed()
    driver = driver_finding()
    yield driver
    usable = driver.state == "ok"
    yield _cuda(versions, usable)
    yield _tensorrt(versions, usable)


def driver_finding() -> Finding:
    """The driver as its own library says, and the GPUs as its tool names them."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        cuda = ctypes.CDLL(library)
    except OSError:
        text = "No NVIDIA driver is installed: the engines for NVIDIA GPUs cannot run, the others can."
        return Finding("NVIDIA", "driver", "note", text, "With an NVIDIA GPU, install its driver; else nothing.")
    version, count = ctypes.c_int(), ctypes.c_int()
    failed = (
        cuda.cuInit(0) or cuda.cuDriverGetVersion(ctypes.byref(version)) or cuda.cuDeviceGetCount(ctypes.byref(count))
    )
    if failed or not count.value:
        reason = f"error {failed}" if failed else "no GPU"
        text = f"{library} is there but finds no GPU that it may use ({reason})."
        remedy = "Restart after a driver update; in a container, start it with access to the GPU."
        return Finding("NVIDIA", "driver", "problem", text, remedy)
    newest = f"CUDA up to {version.value // 1000}.{version.value % 1000 // 10}"
    return Finding("NVIDIA", "driver", "ok", f"{_gpu_names() or f'{count.value} GPUs'}; the driver runs {newest}.")


def _gpu_names() -> str:
    return "; ".join(line.replace(", ", " with driver ") for line in gpus_and_drivers(_ASKING_S))


def where(library: Library, versions: Mapping[str, str]) -> str:
    """The package or the place that brings ``library``; empty where it was not found."""
    for name, version in versions.items():
        # TensorRT's own package holds nothing: those with -libs do.
        if name.startswith(library.package) and (library.stem != "nvinfer" or name.endswith("libs")):
            return f"{name} {version}"
    return "the system" if _on_the_system(library.stem) else ""


def _on_the_system(stem: str) -> bool:
    """Whether the loader would find ``lib<stem>.so*``. ``find_library`` would start a compiler to find out."""
    if not sys.platform.startswith("linux"):
        return ctypes.util.find_library(stem) is not None
    named = re.compile(rf"^\s*lib{re.escape(stem)}\.so", re.MULTILINE)
    if named.search(_loader_cache()):
        return True
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    return any(next(Path(folder).glob(f"lib{stem}.so*"), None) for folder in folders if folder)


@functools.cache
def _loader_cache() -> str:
    """The loader's list of libraries; its tool lies outside the PATH of ordinary users."""
    tool = shutil.which("ldconfig", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))
    if tool is None:
        return ""
    try:
        return subprocess.run([tool, "-p"], capture_output=True, text=True, timeout=_ASKING_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _cuda(versions: Mapping[str, str], usable: bool) -> Finding:
    found = {library.title: where(library, versions) for library in CUDA}
    there = ", ".join(f"{title} ({place})" for title, place in found.items() if place)
    missing = ", ".join(title for title, place in found.items() if not place)
    if _ONNX_GPU not in versions:
        text = f"{_ONNX_GPU} is not installed" + (f"; there is {there}." if there else ", nor are CUDA and cuDNN.")
        state = "note" if usable else "ok"
        return Finding("NVIDIA", "CUDA and cuDNN", state, text, _INSTALL if usable else "")
    if not missing:
        return Finding("NVIDIA", "CUDA and cuDNN", "ok", f"{there}.")
    text = f"{_ONNX_GPU} {versions[_ONNX_GPU]} lacks {missing}" + (f"; there is {there}." if there else ".")
    if usable:
        return Finding("NVIDIA", "CUDA and cuDNN", "problem", text, _INSTALL)
    return Finding("NVIDIA", "CUDA and cuDNN", "note", text, _ONLY_WITH_A_GPU)


def _tensorrt(versions: Mapping[str, str], usable: bool) -> Finding:
    """The engine ``tensorrt`` wants the module and cuda-python, ``ort-tensorrt`` only the library."""
    module = versions.get("tensorrt") or next(
        (version for name, version in versions.items() if name.startswith("tensorrt-cu")), ""
    )
    bindings = versions.get("cuda-bindings") or versions.get("cuda-python", "")
    place = where(TENSORRT, versions)
    parts = [
        f"module tensorrt {module}" if module else "",
        f"libnvinfer ({place})" if place else "",
        f"cuda-python {bindings}" if bindings else "",
    ]
    there = ", ".join(part for part in parts if part)
    missing = [
        name
        for name, have in (("the module tensorrt", module), ("libnvinfer", place), ("cuda-python", bindings))
        if not have
    ]
    if not missing:
        broken = importlib.util.find_spec("tensorrt") is None
        text = f"{there}." if not broken else f"{there}, but the module tensorrt cannot be found."
        return Finding(
            "NVIDIA",
            "TensorRT",
            "problem" if broken else "ok",
            text,
            "Run: pip install 'unmask[tensorrt]'" if broken else "",
        )
    lacking = ", ".join(missing)
    text = f"There is {there}; not installed: {lacking}." if there else f"Not installed: {lacking}."
    half = bool(module or place)
    state = "problem" if half and usable else "note" if usable or half else "ok"
    return Finding("NVIDIA", "TensorRT", state, text, "" if state == "ok" else "Run: pip install 'unmask[tensorrt]'")
