"""What kind of face detector an ONNX file is, told by its graph and not by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from unmask.engines.errors import FaceModelError

FaceModelKind = Literal["scrfd", "yunet"]

# Scores, boxes and, in the larger counts, landmarks for three or five strides.
_SCRFD_OUTPUTS = {6: 3, 9: 3, 10: 5, 15: 5}
_SCRFD_WIDTHS = (1, 4, 10)
_YUNET_OUTPUTS = {f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)}


def face_model_kind(path: Path) -> FaceModelKind:
    """ "scrfd" or "yunet". Raises ``FaceModelError`` for a missing file and for any other content."""
    if not path.is_file():
        raise FaceModelError(f"There is no face model at {path}; give --face-model or UNMASK_FACE_MODEL another path.")
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_model(str(path), load_external_data=False).graph
    except (DecodeError, OSError, ValueError) as error:
        raise FaceModelError(f"{path} is no ONNX file; a face model is SCRFD or YuNet as .onnx.") from error
    if {output.name for output in graph.output} == _YUNET_OUTPUTS:
        return "yunet"
    if _looks_like_scrfd(graph):
        return "scrfd"
    raise FaceModelError(
        f"{path} is an ONNX model, but neither SCRFD nor YuNet (its {len(graph.output)} outputs differ): "
        "give a file of one of these."
    )


def _looks_like_scrfd(graph: object) -> bool:
    outputs = graph.output  # type: ignore[attr-defined]
    inputs = graph.input  # type: ignore[attr-defined]
    strides = _SCRFD_OUTPUTS.get(len(outputs))
    if strides is None or not inputs or len(inputs[0].type.tensor_type.shape.dim) != 4:
        return False
    for index, output in enumerate(outputs):
        sides = output.type.tensor_type.shape.dim
        width = sides[-1].dim_value if sides else 0
        if len(sides) not in (2, 3) or width not in (0, _SCRFD_WIDTHS[index // strides]):
            return False
    return True
