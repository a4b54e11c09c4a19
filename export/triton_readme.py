"""The README of a written model repository: the commands that serve it, and those that use it."""

from __future__ import annotations

from unmask.engines.manifest import Manifest

_TRITON = """\
## Serve it with Triton

In the folder that holds `{name}/`; XX.YY is the release you use, one whose TensorRT and driver fit your GPU:

    docker run --rm --gpus all -p 8001:8001 -v "$PWD:/models:ro" \\
        nvcr.io/nvidia/tritonserver:XX.YY-py3 tritonserver --model-repository=/models
"""

_PLAN = """
`1/model.plan` runs on the kind of GPU and the version of TensorRT that it was built for, and nowhere else.
"""

_MLSERVER = """
## Serve it with MLServer (no GPU, no container)

    pip install mlserver onnxruntime
    MLSERVER_HOST=127.0.0.1 MLSERVER_GRPC_PORT=8001 MLSERVER_PARALLEL_WORKERS=0 mlserver start .
"""

_USE = """
## Use it

    pip install "unmask[remote]"
    unmask watch camera:0 --detector {name} --engine remote --server SERVER:8001

The same detector must be installed where `unmask` runs: the head of the network works there, and when it opens, the
monitor compares the server's answers with those of its own encoder. `unmask watch` says *cannot judge* while the
server is away. Crops of faces go to the server; outside of one machine give `grpcs://SERVER:PORT`, with TLS
on the server's side. Port 8001 asks nobody for a password: do not open it to the world.
"""


def readme_text(manifest: Manifest, backend: str, precision: str) -> str:
    """Markdown. ``backend`` is ``onnxruntime`` or ``tensorrt``."""
    plan = backend == "tensorrt"
    kind = "a TensorRT plan" if plan else f"ONNX, {precision}"
    head = (
        f"# {manifest.name} {manifest.version}: the encoder for a server\n\n{manifest.description}\n\n"
        f"Model: {kind}. Licence of the weights: {manifest.provenance.licence}\n\n"
    )
    return head + _TRITON.format(name=manifest.name) + (_PLAN if plan else _MLSERVER) + _USE.format(name=manifest.name)
