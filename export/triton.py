"""A model repository that Triton serves, and that MLServer serves too: one detector's encoder.

Layout and fields: Triton's model repository and model configuration
(https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from unmask.engines.errors import PackageError, UsageError
from unmask.engines.manifest import Manifest
from unmask.engines.options import Precision
from unmask.engines.package import DetectorPackage
from unmask.export.triton_readme import readme_text

Backend = Literal["onnxruntime", "tensorrt"]

#: Batches that the server waits for, as far as ``max_batch`` allows: one monitor sends up to 16 crops at once.
PREFERRED_BATCHES = (4, 8, 16, 32, 64)

RUNTIME_MODULE = "unmask_mlserver"

#: Name, datatype in the protocol, shape without the batch.
_Tensor = tuple[str, str, tuple[int, ...]]


def write_triton_repository(
    package: DetectorPackage,
    folder: Path,
    *,
    precision: Precision = "fp32",
    backend: Backend = "onnxruntime",
    plan: Path | None = None,
    max_batch: int = 64,
    queue_delay_us: int = 2000,
    instances: int = 1,
) -> Path:
    """Write ``folder/<detector>`` with ``config.pbtxt``, ``1/model.onnx`` or ``1/model.plan`` and ``README.md``.

    The ONNX kind gets ``model-settings.json`` and a small runtime for MLServer as well. ``folder`` may hold other
    models; the detector's own folder must not exist, and appears whole or not at all. ``plan`` is a TensorRT
    engine for the server's GPU and TensorRT, built for batches up to ``max_batch``; it is copied, not read.

    Returns the detector's folder. Raises ``UsageError`` for arguments that do not go together, a folder that
    exists or cannot be written, and ``PackageError`` for an encoder that is no longer the manifest's.
    """
    if max_batch < 1 or instances < 1 or queue_delay_us < 0:
        raise UsageError("A repository needs max_batch and instances of at least 1, and a delay that is not negative.")
    if (backend == "tensorrt") != (plan is not None):
        raise UsageError("A repository for TensorRT needs a plan, and one for ONNX Runtime has no use for it.")
    manifest = package.manifest
    target = Path(folder) / manifest.name
    if target.exists() or target.is_symlink():
        raise UsageError(f"There is a folder {target} already: remove it, or give another place.")
    raw = _encoder_bytes(package, precision) if plan is None else _plan_bytes(plan)
    files: dict[str, bytes | str] = {
        "config.pbtxt": config_text(
            manifest, raw, backend, max_batch=max_batch, queue_delay_us=queue_delay_us, instances=instances
        ),
        "README.md": readme_text(manifest, backend, precision),
        "1/model.plan" if plan else "1/model.onnx": raw,
    }
    if plan is None:
        files["model-settings.json"] = json.dumps(mlserver_settings(manifest), indent=2) + "\n"
        files[f"{RUNTIME_MODULE}.py"] = Path(__file__).with_name("mlserver_runtime.py").read_text(encoding="utf-8")
    _write_whole(target, files)
    return target


def config_text(
    manifest: Manifest, raw: bytes, backend: Backend, *, max_batch: int, queue_delay_us: int, instances: int
) -> str:
    """``config.pbtxt`` for the model ``raw``. Its checksum and the detector's version stand in it for people and
    tools: the protocol has no place for them, so a monitor cannot see them."""
    given, outputs = _tensors(manifest)
    preferred = [size for size in PREFERRED_BATCHES if size <= max_batch]
    platform = 'backend: "onnxruntime"' if backend == "onnxruntime" else 'platform: "tensorrt_plan"'
    blocks = [
        f'name: "{manifest.name}"',
        platform,
        f"max_batch_size: {max_batch}",
        _listed("input", [given]),
        _listed("output", outputs),
        f"dynamic_batching {{\n  preferred_batch_size: {preferred}\n"
        f"  max_queue_delay_microseconds: {queue_delay_us}\n}}",
        # KIND_AUTO: one instance on each GPU, on the processor where there is none.
        f"instance_group [ {{ kind: KIND_AUTO count: {instances} }} ]",
        "version_policy { latest { num_versions: 1 } }",
        _warmup(given),
        _parameter("unmask.version", manifest.version),
        _parameter("unmask.sha256", hashlib.sha256(raw).hexdigest()),
    ]
    return "\n".join(blocks) + "\n"


def mlserver_settings(manifest: Manifest) -> dict[str, object]:
    """``model-settings.json``. ``version`` comes back with every answer, so a monitor can compare it."""
    given, outputs = _tensors(manifest)

    def described(tensor: _Tensor) -> dict[str, object]:
        name, datatype, axes = tensor
        return {"name": name, "datatype": datatype, "shape": [-1, *axes]}

    return {
        "name": manifest.name,
        "platform": "onnx",
        "versions": [manifest.version],
        "implementation": f"{RUNTIME_MODULE}.OnnxEncoder",
        "inputs": [described(given)],
        "outputs": [described(tensor) for tensor in outputs],
        "parameters": {"uri": "./1/model.onnx", "version": manifest.version},
    }


def _tensors(manifest: Manifest) -> tuple[_Tensor, list[_Tensor]]:
    size = manifest.input.size
    outputs: list[_Tensor] = [("embedding", "FP32", (manifest.embedding,)), ("logit", "FP32", ())]
    if (cells := manifest.activation) is not None:
        outputs.append(("activation", "FP32", (cells.rows, cells.columns)))
    return ("crops", "UINT8", (size, size, 3)), outputs


def _listed(field: str, tensors: list[_Tensor]) -> str:
    return f"{field} [\n" + ",\n".join(_tensor_text(tensor) for tensor in tensors) + "\n]"


def _tensor_text(tensor: _Tensor) -> str:
    name, datatype, axes = tensor
    # A tensor must have an axis besides the batch. The logit has none: the server shows it as (N, 1).
    dims = f"dims: {list(axes)}" if axes else "dims: [ 1 ]\n    reshape { shape: [ ] }"
    return f'  {{\n    name: "{name}"\n    data_type: TYPE_{datatype}\n    {dims}\n  }}'


def _warmup(given: _Tensor) -> str:
    name, datatype, axes = given
    value = f"{{ data_type: TYPE_{datatype} dims: {list(axes)} zero_data: true }}"
    return f'model_warmup [ {{\n  name: "zeros"\n  batch_size: 1\n  inputs {{ key: "{name}" value: {value} }}\n}} ]'


def _parameter(key: str, value: str) -> str:
    return f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'


def _encoder_bytes(package: DetectorPackage, precision: Precision) -> bytes:
    path, sha256 = package.encoder_file(precision)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PackageError(f"The file {path} cannot be read ({error.strerror}): install the detector again.") from error
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise PackageError(f"The file {path} differs from its checksum in the manifest: install the detector again.")
    return raw


def _plan_bytes(plan: Path) -> bytes:
    try:
        raw = Path(plan).read_bytes()
    except OSError as error:
        raise UsageError(f"The plan {plan} cannot be read: {error.strerror}.") from error
    if not raw:
        raise UsageError(f"The plan {plan} is empty: build it again.")
    return raw


def _write_whole(target: Path, files: dict[str, bytes | str]) -> None:
    """Into a folder beside ``target`` that then takes its name: a server may be watching the repository."""
    draft: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        for name, content in files.items():
            path = draft / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        draft.chmod(0o755)  # servers run as users of their own
        os.rename(draft, target)
    except OSError as error:
        raise UsageError(f"The repository {target} cannot be written: {error.strerror or error}.") from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
