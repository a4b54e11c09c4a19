"""OpenVINO without ONNX Runtime in between: Intel's (and other) processors, integrated graphics, NPUs.

Precision is pinned to the graph's own. Left alone, OpenVINO computes FP32 models in bfloat16 on processors
that can, and in half precision on graphics: the scores would not be the ones that the detector's thresholds
were set on. Compiled models are not cached: the shipped encoder is read and compiled in a fifth of a second,
and a cache would have to be checked against the model, the version and the device before it could be used.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.engines.engine import Arrays, Engine, TensorSpec
from unmask.engines.errors import EngineError, EngineUnavailable
from unmask.engines.model_bytes import one_line, read_model_bytes
from unmask.engines.options import EngineOptions, check_threads
from unmask.engines.ort_session import refuse_unused

DEFAULT_DEVICE = "CPU"

_TELEMETRY, _CONVERTER = "openvino_telemetry", "openvino.tools.ovc"


def create(model: Path, options: EngineOptions) -> Engine:
    """An engine for ``model``, not yet opened. See ``OpenVinoEngine``."""
    refuse_unused(OpenVinoEngine.name, options, device=True)
    device = options.device or DEFAULT_DEVICE
    return OpenVinoEngine(model, device=device, threads=options.threads, sha256=options.sha256)


def why_unavailable() -> str | None:
    """Why this engine cannot run here; ``None`` when it can. Asks for no device."""
    if "openvino" not in sys.modules and importlib.util.find_spec("openvino") is None:
        return "OpenVINO is not installed; run: pip install 'unmask[openvino]'"
    try:
        runtime()
    except (ImportError, OSError) as error:
        return f"openvino cannot be imported ({one_line(error)}); reinstall it"
    return None


def runtime() -> Any:
    """The module ``openvino``, imported without its telemetry. Raises ``ImportError``.

    Importing it sends a usage report to a server, by way of the converter that it loads along; this program
    promises that nothing leaves the machine. The telemetry stays shut out of this process for good, the
    converter (which then takes its own stand-in for it) only while the runtime is being imported.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault(_TELEMETRY, None)  # pyright: ignore[reportArgumentType]  # None: cannot be imported
        with _shut_out(_CONVERTER):
            import openvino
    import openvino

    return openvino


@contextlib.contextmanager
def _shut_out(name: str) -> Iterator[None]:
    sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        sys.modules.pop(name, None)


class OpenVinoEngine(Engine):
    """One ONNX model on one device of OpenVINO: ``CPU``, ``GPU``, ``GPU.1``, ``NPU``.

    ``threads`` is the number of threads inside one call on the processor; other devices have no use for it.
    ``sha256`` is checked against the very bytes that the runtime is then given. A device that is not there
    is ``EngineUnavailable``; the virtual devices (AUTO, MULTI, HETERO) choose silently and are not offered.
    """

    name = "openvino"

    def __init__(
        self, model: Path, *, device: str = DEFAULT_DEVICE, threads: int = 1, sha256: str | None = None
    ) -> None:
        super().__init__()
        self._model = Path(model)
        self._device = device.upper()
        self._threads = check_threads(threads)
        self._sha256 = sha256
        self._request: Any = None
        self._provider = ""
        self._inputs: tuple[TensorSpec, ...] = ()
        self._outputs: tuple[TensorSpec, ...] = ()

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Known once the engine is open; empty before."""
        return self._outputs

    @property
    def provider(self) -> str:
        """Such as ``OpenVINO 2026.4.1 on CPU (AMD EPYC), float32``, read back from the compiled model."""
        if self._request is None:
            raise EngineError(f"The engine {self.name} is not open: nothing is running.")
        return self._provider

    @property
    def gains_by_batch(self) -> bool:
        """Not on the processor."""
        return self._device != "CPU"

    def _open_impl(self) -> None:
        problem = why_unavailable()
        if problem:
            raise EngineUnavailable(f"The engine {self.name} cannot run here: {problem}.")
        openvino = runtime()
        raw = read_model_bytes(self._model, self._sha256)
        core = openvino.Core()
        self._check_device(core.available_devices)
        network = self._read(core, raw)
        # Before compiling: there, tensors that became one share their names, and an input may answer with another's.
        self._inputs = tuple(self._spec(port) for port in network.inputs)
        self._outputs = tuple(self._spec(port) for port in network.outputs)
        half = any(port.element_type == openvino.Type.f16 for node in network.get_ops() for port in node.outputs())
        precision = openvino.Type.f16 if half and self._device != "CPU" else openvino.Type.f32
        compiled = self._compile(core, network, precision)
        self._provider = self._read_back(openvino, core, compiled, precision)
        self._request = compiled.create_infer_request()

    def _check_device(self, there: list[str]) -> None:
        if not any(name == self._device or name.startswith(f"{self._device}.") for name in there):
            raise EngineUnavailable(
                f"OpenVINO finds no device {self._device} here: choose {' or '.join(there) or 'another engine'}, "
                "or install that device's driver."
            )

    def _read(self, core: Any, raw: bytes) -> Any:
        try:
            return core.read_model(raw)
        except Exception as error:  # the runtime's errors share no base class
            raise EngineError(
                f"OpenVINO cannot load the model {self._model}: {_complaint(error)}. "
                "The file may be damaged or made for another runtime."
            ) from error

    def _compile(self, core: Any, network: Any, precision: Any) -> Any:
        wishes: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        if self._device == "CPU":
            # Pinned threads of several sessions end up on the same core and wait for one another.
            wishes |= {"INFERENCE_NUM_THREADS": self._threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        try:
            return core.compile_model(network, self._device, wishes)
        except Exception as error:  # the runtime's errors share no base class
            raise EngineError(
                f"OpenVINO cannot prepare the model {self._model} for {self._device} in {precision.to_string()}: "
                f"{_complaint(error)}. Try --precision fp16 or another device."
            ) from error

    def _read_back(self, openvino: Any, core: Any, compiled: Any, wanted: Any) -> str:
        """What runs where; raises ``EngineUnavailable`` where that is not what was asked for."""
        devices = list(compiled.get_property("EXECUTION_DEVICES"))
        if not devices or any(name.partition(".")[0] != self._device.partition(".")[0] for name in devices):
            raise EngineUnavailable(f"The engine {self.name} asked for {self._device}, but OpenVINO runs {devices}.")
        running = compiled.get_property("INFERENCE_PRECISION_HINT")
        if running != wanted:
            raise EngineUnavailable(
                f"The engine {self.name} asked for {wanted.to_string()}, but {self._device} computes in "
                f"{running.to_string()}: choose another device, or --precision fp16."
            )
        hardware = " + ".join(str(core.get_property(name, "FULL_DEVICE_NAME")).strip() for name in devices)
        version = openvino.__version__.partition("-")[0]
        return f"OpenVINO {version} on {', '.join(devices)} ({hardware}), {np.dtype(running.to_dtype())}"

    def _spec(self, port: Any) -> TensorSpec:
        try:
            dtype = np.dtype(port.element_type.to_dtype())
        except Exception as error:  # it raises what it likes for strings and four-bit numbers
            raise EngineError(
                f"The model {self._model} has {port.any_name!r} of type {port.element_type.to_string()}; "
                "only tensors of numbers are read."
            ) from error
        shape = tuple(None if axis.is_dynamic else axis.get_length() for axis in port.partial_shape)
        return TensorSpec(port.any_name, dtype, shape)

    def _infer_impl(self, arrays: Arrays) -> dict[str, NDArray[np.generic]]:
        given = {index: np.ascontiguousarray(arrays[spec.name]) for index, spec in enumerate(self._inputs)}
        try:
            # Inputs are read where they lie; outputs are copies, since the request writes into its own again.
            results = self._request.infer(given, share_inputs=True, share_outputs=False)
        except Exception as error:  # the runtime's errors share no base class
            raise EngineError(
                f"OpenVINO failed on the model {self._model}: {_complaint(error)}. "
                "Check the detector with: unmask detectors verify."
            ) from error
        return {spec.name: results[index] for index, spec in enumerate(self._outputs)}

    def _close_impl(self) -> None:
        self._request = None
        self._provider = ""


def _complaint(error: Exception) -> str:
    """The runtime's message without the places in its source that lead up to it."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("Exception from ")]
    return one_line(RuntimeError(" ".join(lines))) or type(error).__name__
