"""A plan for a model: from the cache where everything fits, else built, once, whoever asks at the same time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from unmask.engines.build_progress import BuildProgress, report
from unmask.engines.built_cache import BuiltCache, BuiltKey
from unmask.engines.errors import UsageError
from unmask.engines.model_bytes import read_model_bytes
from unmask.engines.options import EngineOptions, Precision
from unmask.engines.tensorrt import plan_cache
from unmask.engines.tensorrt.bindings import version
from unmask.engines.tensorrt.builder import BuildRequest, build_plan, merge_timings
from unmask.engines.tensorrt.cuda import CudaRuntime, Gpu, checked, describe_gpu, gpu_number, load_runtime
from unmask.engines.tensorrt.graph_facts import precision_of_graph
from unmask.engines.tensorrt.profile import check_max_batch, usual_batch
from unmask.engines.tensorrt.progress import BuildTracker


@dataclass(frozen=True, slots=True)
class Plan:
    """``why_built`` says why the cache had none to use; empty for one that came from there."""

    data: bytes = field(repr=False)
    precision: Precision
    gpu: Gpu
    why_built: str


def use_gpu(options: EngineOptions) -> tuple[CudaRuntime, int]:
    """Make the GPU of ``options`` the calling thread's. Raises ``UsageError`` for a device that is none."""
    try:
        number = gpu_number(options.device)
    except ValueError as error:
        raise UsageError(f"The engine tensorrt has no device {options.device!r}: give the number of a GPU.") from error
    cuda = load_runtime()
    checked(cuda, cuda.cudaSetDevice(number), f"choosing GPU {number}")
    return cuda, number


def get_plan(
    model: Path, options: EngineOptions, *, tell: Callable[[BuildProgress], None] = report, refused: str = ""
) -> Plan:
    """The plan of ``model`` for the GPU of ``options``; builds it where the cache has none that fits.

    ``tell`` hears of a build (never of a hit). ``refused`` is why TensorRT would not load the plan that the
    cache had: then that one is replaced. Raises ``EngineError``, ``PackageError`` for a wrong checksum,
    and what ``tell`` raises. Call it with TensorRT known to be there (``why_unavailable``).
    """
    raw = read_model_bytes(model, options.sha256)
    max_batch = check_max_batch(options.max_batch)
    cuda, number = use_gpu(options)
    gpu = describe_gpu(cuda, number)
    precision = precision_of_graph(raw, str(model))
    key = plan_cache.plan_key(
        model,
        hashlib.sha256(raw).hexdigest(),
        version=version(),
        gpu=gpu,
        precision=precision,
        max_batch=max_batch,
        usual=usual_batch(max_batch),
    )
    cache = plan_cache.plans(options.cache)
    found = cache.find(key)
    if found.payload is not None and not refused:
        return Plan(found.payload, precision, gpu, "")
    build = _Build(model, options, key, plan_cache.timing_key(version=version(), gpu=gpu), cache, tell)
    data, why = build.run(raw, precision, max_batch, refused or found.reason, replace=bool(refused))
    return Plan(data, precision, gpu, why)


@dataclass(frozen=True, slots=True)
class _Build:
    model: Path
    options: EngineOptions
    key: BuiltKey
    timing_key: BuiltKey
    cache: BuiltCache
    tell: Callable[[BuildProgress], None]

    def run(self, raw: bytes, precision: Precision, max_batch: int, why: str, *, replace: bool) -> tuple[bytes, str]:
        what = f"TensorRT plan for {self.model.name}"
        waiting = BuildProgress(what, why, "waiting for another builder", 0, 1, 0.0)
        tracker = BuildTracker(what, why, self.tell)
        self.tell(BuildProgress(what, why, "starting", 0, 1, 0.0))
        share = 0.0
        try:
            with self.cache.locked(self.key, waiting=lambda: self.tell(waiting)):
                found = self.cache.find(self.key)
                if found.payload is not None and not replace:  # whoever had the lock built it
                    return found.payload, ""
                request = BuildRequest(raw, str(self.model), precision, max_batch, self._timings())
                built = build_plan(request, tracker)
                self.cache.store(self.key, built.plan, {"layers": str(built.report)})
            self._keep_timings(built.timings)
            share = 1.0
            return built.plan, why
        finally:
            self.tell(BuildProgress(what, why, "finished", 1, 1, max(share, tracker.share()), finished=True))

    def _timings(self) -> bytes:
        return plan_cache.timings(self.options.cache).find(self.timing_key).payload or b""

    def _keep_timings(self, ours: bytes) -> None:
        """Merged under a lock of its own: builders of other models add to the same table."""
        if not ours:
            return
        cache = plan_cache.timings(self.options.cache)
        with cache.locked(self.timing_key):
            theirs = cache.find(self.timing_key).payload
            cache.store(self.timing_key, merge_timings(ours, theirs) if theirs else ours)
