"""What kind of face detector an ONNX file is, told by its graph and not by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from unmask.engines.errors import FaceModelError, PackageError
from unmask.engines.graph_check import check_weights
from unmask.engines.graph_limits import check_limits
from unmask.engines.ordinary_file import read_ordinary
from unmask.engines.plain_text import plain

FaceModelKind = Literal["scrfd", "yunet"]

#: Of InsightFace's detectors the largest has 17 MB.
LARGEST = 512 << 20

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

    where = f"The face model {path}"
    try:
        raw = read_ordinary(path, LARGEST)
        check_limits(raw, where)
        model = onnx.ModelProto.FromString(raw)
        check_weights(model, where)
    except (DecodeError, OSError, PackageError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        why = plain(why.removeprefix(f"{where} ").rstrip("."), 200)
        raise FaceModelError(
            f"{path} is no ONNX file that can be used ({why}); a face model is SCRFD or YuNet as .onnx."
        ) from error
    graph = model.graph
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
