"""Whether a provider of ONNX Runtime starts here, tried once with a tiny session.

The list of available providers is what was compiled in: with `onnxruntime-gpu` it names CUDA and TensorRT
on a machine that has neither. What counts is what a session says after it was made.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import sys
from collections.abc import Mapping

from unmask.engines.ort_session import nodes_by_provider, one_line, quiet

#: Removing one of two wheels that share files leaves an empty module behind.
HALF_INSTALLED = "onnxruntime is only half installed; 'unmask doctor' says how to mend it"


def why_not_started(
    provider: str, wheel: str, needs: str, settings: Mapping[str, str], *, cuda: bool = False, system: str = ""
) -> str | None:
    """Why ``provider`` cannot run here, in one sentence with the remedy; ``None`` when it started.

    ``wheel`` is the package that brings it, ``needs`` what must be on the machine besides, ``settings`` the
    options that it is tried with; ``cuda`` loads NVIDIA's libraries first; ``system`` is the only one
    (``sys.platform``) that has it. Tried once per process.
    """
    if system and sys.platform != system:
        return f"this system cannot have it: it needs {needs}; choose another engine"
    try:
        import onnxruntime
    except ImportError as error:
        return f"onnxruntime cannot be imported ({one_line(error)}); reinstall it"
    if not hasattr(onnxruntime, "InferenceSession"):
        return HALF_INSTALLED
    if provider not in onnxruntime.get_available_providers():
        return (
            f"this build of onnxruntime {onnxruntime.__version__} lacks {provider}; "
            f"install {wheel} in place of onnxruntime"
        )
    missing = load_cuda_libraries() if cuda else ()
    problem = _try(provider, tuple(sorted(settings.items())))
    if problem is None:
        return None
    lacking = f" (not found: {', '.join(missing)})" if missing else ""
    return f"{provider} is installed but {problem}{lacking}; it needs {needs}"


@functools.cache
def load_cuda_libraries() -> tuple[str, ...]:
    """Load CUDA's, cuDNN's and TensorRT's libraries from their wheels, once and ahead of any session.

    Returns the names of those that were not found. What ONNX Runtime prints meanwhile is kept off the
    terminal: it would end up in the middle of JSON.
    """
    import onnxruntime

    printed = io.StringIO()
    if hasattr(onnxruntime, "preload_dlls"):  # since 1.21
        with contextlib.redirect_stdout(printed), contextlib.suppress(RuntimeError, OSError):
            onnxruntime.preload_dlls()
    if importlib.util.find_spec("tensorrt") is not None:
        # Its import loads libnvinfer from the wheel beside it, which ONNX Runtime does not look for.
        with contextlib.suppress(Exception):
            importlib.import_module("tensorrt")
    failed = (line.split()[3].rstrip(":") for line in printed.getvalue().splitlines() if "Failed to load " in line)
    return tuple(dict.fromkeys(name.replace("\\", "/").rpartition("/")[2] for name in failed))


@functools.cache
def _try(provider: str, settings: tuple[tuple[str, str], ...]) -> str | None:
    """What went wrong with a session of one node; ``None`` when ``provider`` runs that node."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    try:
        with quiet():
            session = onnxruntime.InferenceSession(
                _tiny_model(), options, providers=[(provider, dict(settings))], enable_fallback=0
            )
        running, nodes = session.get_providers(), nodes_by_provider(session)
    except Exception as error:  # noqa: BLE001 - the runtime's errors share no base class
        return f"does not start: {one_line(error)}"
    if running[:1] != [provider]:
        return f"does not start: ONNX Runtime runs {running[0]} in its place"
    if nodes is not None and not nodes[provider]:
        return "takes over no part of a model"
    return None


def _tiny_model() -> bytes:
    # A free batch axis: TensorRT then builds nothing before the first call.
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4, 4, 4]) for name in ("x", "y")]
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1])
    graph = helper.make_graph([node], "probe", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
