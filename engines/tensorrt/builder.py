"""From the bytes of an ONNX graph to a TensorRT plan, in the same way for versions 10 and 11.

The network is strongly typed: every tensor keeps the type that the graph gives it. Settings that only one
version knows (the FP16 flag, explicit batch, calibrators) are not used. Plans are not version compatible:
such ones carry code for the processor, and a plan is built where it runs anyway.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from unmask.engines.errors import EngineError
from unmask.engines.options import Precision
from unmask.engines.tensorrt.bindings import as_bytes, made, or_none, shape_of
from unmask.engines.tensorrt.cast_first import with_casts_first
from unmask.engines.tensorrt.inspector import LayerReport, check_precision, read_report
from unmask.engines.tensorrt.log import Lines, kept_lines, the_logger
from unmask.engines.tensorrt.profile import ShapeRange, shape_range
from unmask.engines.tensorrt.progress import BuildTracker, make_monitor

if TYPE_CHECKING:
    import tensorrt as trt

WORKSPACE_BYTES = 1 << 30


class BuildCancelled(EngineError):
    """Somebody ended the build; nothing was kept."""


@dataclass(frozen=True, slots=True)
class Built:
    """``timings`` is the table of measured kernels to start the next build from, empty where there is none."""

    plan: bytes
    timings: bytes
    report: LayerReport


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """``model`` names the graph in messages, ``timings`` is an earlier build's table."""

    onnx: bytes = field(repr=False)
    model: str
    precision: Precision
    max_batch: int
    timings: bytes = field(default=b"", repr=False)


def build_plan(request: BuildRequest, tracker: BuildTracker) -> Built:
    """Build, and check on the layers that were built that the precision is the graph's.

    Takes from seconds to many minutes and a current CUDA device. Raises ``BuildCancelled``, what the
    tracker's listener raised, or ``EngineError`` with TensorRT's own lines.
    """
    import tensorrt as trt

    with kept_lines() as lines:
        builder = made(lambda: trt.Builder(the_logger()), "builder", lines)
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        _parse(request, network, lines)
        config = builder.create_builder_config()
        _configure(config)
        _add_profile(builder, config, network, request, lines)
        _start_timings(config, request.timings)
        monitor = make_monitor(tracker)  # a name of its own: TensorRT does not keep it alive
        config.progress_monitor = monitor
        serialised = or_none(builder.build_serialized_network(network, config))
        if tracker.error is not None:
            raise tracker.error
        if not tracker.goes_on:
            raise BuildCancelled(f"The building of a TensorRT plan for {request.model} was cancelled.")
        if serialised is None:
            raise EngineError(f"TensorRT cannot build a plan for {request.model}. {lines.reasons()}.")
        plan = as_bytes(serialised)
        report = _inspect_plan(plan, request)
        check_precision(report, request.precision, request.model)
        return Built(plan, _timings_of(config), report)


def merge_timings(ours: bytes, theirs: bytes) -> bytes:
    """Two tables as one, for builders that ran beside each other; ``ours`` where TensorRT finds they do not fit."""
    import tensorrt as trt

    with kept_lines():
        config = trt.Builder(the_logger()).create_builder_config()
        first = or_none(config.create_timing_cache(ours))
        second = or_none(config.create_timing_cache(theirs))
        if first is None or second is None or not first.combine(second, False):
            return ours
        merged = or_none(first.serialize())
        return ours if merged is None else as_bytes(merged)


def deserialise(runtime: trt.Runtime, plan: bytes, where: str) -> trt.ICudaEngine:
    """The engine in ``plan``. Raises ``EngineError`` with the reason, which TensorRT tells its logger alone."""
    with kept_lines() as lines:
        engine = or_none(runtime.deserialize_cuda_engine(plan))
    if engine is None:
        raise EngineError(f"TensorRT cannot load the plan of {where}. {lines.reasons()}.")
    return engine


def inspect(engine: trt.ICudaEngine, batch: int) -> LayerReport:
    """What the layers of ``engine`` run in, asked with ``batch`` rows: without shapes many types are not told."""
    import tensorrt as trt

    # Without memory of its own: this context only holds the shapes.
    context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    for name in input_names(engine):
        shape = shape_of(engine.get_tensor_shape(name))
        if shape[:1] == (-1,):
            context.set_input_shape(name, (batch, *shape[1:]))
    inspector = engine.create_engine_inspector()
    inspector.execution_context = context
    return read_report(inspector.get_engine_information(trt.LayerInformationFormat.JSON))


def input_names(engine: trt.ICudaEngine) -> list[str]:
    import tensorrt as trt

    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    return [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]


def _parse(request: BuildRequest, network: trt.INetworkDefinition, lines: Lines) -> None:
    import tensorrt as trt

    parser = trt.OnnxParser(network, the_logger())
    if not parser.parse(with_casts_first(request.onnx)):
        errors = (parser.get_error(index) for index in range(parser.num_errors))
        said = list(map(_parser_error, cast("Iterable[trt.ParserError]", errors)))
        reasons = f"Its parser says: {' | '.join(said[:3])}" if said else lines.reasons()
        raise EngineError(f"TensorRT cannot read the ONNX graph {request.model}. {reasons}.")


def _parser_error(error: trt.ParserError) -> str:
    where = f" at the node {error.node_name()} ({error.node_operator()})" if error.node_name() else ""
    return " ".join(error.desc().split()).rstrip(".") + where


def _configure(config: trt.IBuilderConfig) -> None:
    import tensorrt as trt

    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE_BYTES)
    # Names alone would not tell in which precision a layer runs.
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    # On by default: FP32 products with ten bits of mantissa. FP32 is to mean FP32; who wants speed takes FP16.
    config.clear_flag(trt.BuilderFlag.TF32)


def _add_profile(
    builder: trt.Builder,
    config: trt.IBuilderConfig,
    network: trt.INetworkDefinition,
    request: BuildRequest,
    lines: Lines,
) -> None:
    import tensorrt as trt

    inputs = [network.get_input(index) for index in range(network.num_inputs)]
    ranges = [shape_range(one.name, shape_of(one.shape), request.max_batch, request.model) for one in inputs]
    if not any(one.is_dynamic for one in ranges):
        return
    profile = builder.create_optimization_profile()
    for one in ranges:
        smallest, usual, largest = (trt.Dims(shape) for shape in (one.smallest, one.usual, one.largest))
        profile.set_shape(one.name, smallest, usual, largest)
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f"TensorRT refuses the shapes {_shown(ranges)} of {request.model}. {lines.reasons()}.")


def _shown(ranges: Iterable[ShapeRange]) -> str:
    return "; ".join(map(str, ranges))


def _start_timings(config: trt.IBuilderConfig, earlier: bytes) -> None:
    """From the earlier table if it fits this GPU and version, else from an empty one: it only saves time."""
    for table in (earlier, b"") if earlier else (b"",):
        cache = or_none(config.create_timing_cache(table))
        if cache is not None and config.set_timing_cache(cache, False):
            return


def _timings_of(config: trt.IBuilderConfig) -> bytes:
    cache = or_none(config.get_timing_cache())
    serialised = None if cache is None else or_none(cache.serialize())
    return b"" if serialised is None else as_bytes(serialised)


def _inspect_plan(plan: bytes, request: BuildRequest) -> LayerReport:
    import tensorrt as trt

    with kept_lines() as lines:
        runtime = made(lambda: trt.Runtime(the_logger()), "runtime", lines)
    return inspect(deserialise(runtime, plan, request.model), request.max_batch)
