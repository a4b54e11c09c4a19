"""A detector whose encoder takes crops of another size than it was made for: for timing, never for verdicts."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from unmask.benchmarks.subject import Subject
from unmask.engines.errors import UnmaskError
from unmask.engines.registry import open_engine
from unmask.realtime.detector import HEAD_ENGINE, Detector


@contextmanager
def at_size(subject: Subject, size: int) -> Iterator[tuple[Detector | None, str]]:
    """The subject's own fp32 weights on crops of ``size`` px, and a sentence on what they are; no detector, and
    the reason, where its graph is bound to its size. A convolutional network that ends with a mean over the
    picture takes any: only the declared shapes are edited. Its scores mean nothing at a size it was not trained for.
    """
    manifest, own = subject.package.manifest, subject.package.manifest.input.size
    if subject.engine != "ort-cpu" or subject.precision != "fp32":
        yield None, f"{size} px is measured with fp32 on ort-cpu only."
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        raw = resized(subject.package.encoder_path.read_bytes(), size)
        path.write_bytes(raw)
        options = replace(subject.options, sha256=hashlib.sha256(raw).hexdigest())
        try:
            encoder = open_engine(subject.engine, path, options)
        except UnmaskError as error:
            yield None, f"{size} px cannot be measured with this encoder: {error}"
            return
        try:
            head = open_engine(HEAD_ENGINE, subject.package.head_path)
        except BaseException:
            encoder.close()
            raise
        changed = manifest.model_copy(update={"input": manifest.input.model_copy(update={"size": size})})
        with Detector(changed, encoder, head) as detector:
            try:
                detector.encode(np.zeros((2, size, size, 3), np.uint8))
            except UnmaskError as error:
                yield None, f"{size} px cannot be measured with this encoder: {error}"
                return
            yield (
                detector,
                (
                    f"{size} px: the same network and weights with the size in its graph changed from {own} px, for "
                    "timing only; nobody trained it for that size, and its scores mean nothing there."
                ),
            )


def resized(raw: bytes, size: int) -> bytes:
    """The graph with an input (N, size, size, 3) and no shapes declared behind it."""
    model = onnx.load_model_from_string(raw)
    _, high, wide, _ = model.graph.input[0].type.tensor_type.shape.dim
    high.dim_value = wide.dim_value = size
    del model.graph.value_info[:]
    for output in model.graph.output:
        for number, axis in enumerate(output.type.tensor_type.shape.dim):
            if number and output.name != "embedding":
                axis.dim_param = f"{output.name}_{number}"
    return model.SerializeToString()
