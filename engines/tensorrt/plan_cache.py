"""Plans and timing tables in the cache of built engines: what their keys are made of."""

from __future__ import annotations

import platform
from pathlib import Path

from unmask.engines.built_cache import BuiltCache, BuiltKey
from unmask.engines.options import Precision
from unmask.engines.tensorrt.cuda import Gpu

PLANS = "tensorrt-plans"
TIMINGS = "tensorrt-timings"
#: Part of every key: raise it when this package builds plans in another way than before.
RECIPE = "1"


def plans(folder: Path | None) -> BuiltCache:
    """The plans under ``folder``, or under the user's cache folder."""
    return BuiltCache(PLANS, folder)


def timings(folder: Path | None) -> BuiltCache:
    """The tables of measured kernels; one serves all models of a GPU and version."""
    return BuiltCache(TIMINGS, folder, max_bytes=256 << 20)


def plan_key(
    model: Path, sha256: str, *, version: str, gpu: Gpu, precision: Precision, max_batch: int, usual: int
) -> BuiltKey:
    """Everything that a plan depends on. The shapes follow from the model and the two batches."""
    return BuiltKey(
        label=str(model.resolve()),
        fields=(
            ("model", sha256),
            *_machine(version, gpu),
            ("precision", precision),
            ("shape profile", f"batch 1..{max_batch}, tuned for {usual}"),
            ("recipe", RECIPE),
        ),
    )


def timing_key(*, version: str, gpu: Gpu) -> BuiltKey:
    return BuiltKey(label="timings", fields=(("model", "any"), *_machine(version, gpu)))


def _machine(version: str, gpu: Gpu) -> tuple[tuple[str, str], ...]:
    return (
        ("TensorRT", version),
        ("GPU", gpu.name),
        ("compute capability", gpu.capability),
        ("driver", gpu.driver),
        ("system", f"{platform.system()} {platform.machine()}"),
    )
