"""Fails unless exactly one named ONNX Runtime distribution is installed, whole, and can be imported."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

#: The distributions on the package index that bring the module ``onnxruntime``.
RUNTIMES = {
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-openvino",
    "onnxruntime-rocm",
    "onnxruntime-migraphx",
}


def runtimes(names: Iterable[str]) -> list[str]:
    """The distributions among ``names`` that bring an ONNX Runtime, in canonical spelling, sorted."""
    return sorted({name.lower().replace("_", "-") for name in names} & RUNTIMES)


def complaint(names: Iterable[str], wanted: str) -> str | None:
    """What is wrong with the installed distributions; ``None`` when ``wanted`` is the only runtime."""
    found = runtimes(names)
    if found == [wanted]:
        return None
    return f"{wanted} must be the only ONNX Runtime here, there is {' and '.join(found) or 'none'}"


def main(arguments: list[str]) -> int:
    wanted = arguments[0]
    problem = complaint((found.metadata["Name"] for found in metadata.distributions()), wanted)
    if problem is None:
        lost = [path for path in metadata.files(wanted) or [] if not Path(str(path.locate())).exists()]
        problem = f"{wanted} lacks {len(lost)} of its files" if lost else None
    if problem is not None:
        print(f"unmask: {problem}; run make install-gpu again.", file=sys.stderr)
        return 1
    import onnxruntime

    providers = ", ".join(onnxruntime.get_available_providers())
    print(f"{wanted} {onnxruntime.__version__} is the only ONNX Runtime here; compiled in: {providers}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
