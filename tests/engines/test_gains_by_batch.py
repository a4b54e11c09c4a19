from __future__ import annotations

from pathlib import Path

from unmask.engines.openvino import OpenVinoEngine
from unmask.engines.ort_cpu import OrtCpuEngine
from unmask.engines.ort_cuda import OrtCudaEngine

MODEL = Path("model.onnx")


def test_only_what_does_not_run_on_the_processor_gains_by_a_batch() -> None:
    assert not OrtCpuEngine(MODEL).gains_by_batch
    assert OrtCudaEngine(MODEL).gains_by_batch
    assert not OpenVinoEngine(MODEL, device="CPU").gains_by_batch
    assert OpenVinoEngine(MODEL, device="GPU.1").gains_by_batch


def test_the_processor_plans_no_memory_for_each_batch_size() -> None:
    """It took 139 instead of 78 MiB at a batch of 16, and a second slow call at each new size."""
    assert OrtCpuEngine(MODEL)._options().enable_mem_pattern is False
    assert OrtCudaEngine(MODEL)._options().enable_mem_pattern is True
