"""Whether TensorRT can run here, and what is missing where it cannot."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys

from unmask.engines.model_bytes import one_line
from unmask.engines.tensorrt.cuda import CudaError, CudaRuntime, checked, load_runtime

OLDEST_MAJOR = 10
_INSTALL = "pip install 'unmask[tensorrt]'"


def problem() -> str | None:
    """What is missing and the remedy, without a full stop; ``None`` where nothing is.

    What is not installed is found without importing anything; with everything there TensorRT is loaded once.
    """
    for module, name in (("tensorrt", "TensorRT"), ("cuda.bindings", "cuda-python")):
        if not _is_installed(module):
            return f"{name} is not installed (the module {module} is missing); run: {_INSTALL}"
    try:
        trt = importlib.import_module("tensorrt")
    except (ImportError, OSError, RuntimeError) as error:
        return f"tensorrt cannot be imported ({one_line(error)}); reinstall it with: {_INSTALL}"
    version = str(getattr(trt, "__version__", "of an unknown version"))
    if not is_new_enough(version):
        return f"TensorRT {version} is too old, it must be {OLDEST_MAJOR} or newer; run: {_INSTALL}"
    try:
        cuda = load_runtime()
    except (ImportError, OSError, RuntimeError) as error:
        return f"cuda-python cannot be imported ({one_line(error)}); reinstall it with: {_INSTALL}"
    return _gpu_problem(cuda)


def is_new_enough(version: str) -> bool:
    """Whether this version has strongly typed networks and the calls that are used here."""
    found = re.match(r"\d+", version)
    return found is not None and int(found[0]) >= OLDEST_MAJOR


def _gpu_problem(cuda: CudaRuntime) -> str | None:
    try:
        count = checked(cuda, cuda.cudaGetDeviceCount(), "looking for a GPU")
    except CudaError as error:
        return str(error).rstrip(".")
    except RuntimeError as error:  # the bindings found no CUDA library to load
        return f"the CUDA runtime cannot be loaded ({one_line(error)}); reinstall it with: {_INSTALL}"
    return None if count else "this machine has no NVIDIA GPU that this program may use"


def _is_installed(module: str) -> bool:
    if sys.modules.get(module) is not None:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a parent package is missing, or the module was shut out
        return False
