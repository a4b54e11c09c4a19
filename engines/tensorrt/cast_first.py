"""Bytes become numbers before anything else happens to them.

TensorRT takes uint8 at the edge of a network only, and only into a cast: not even a transpose is allowed before
it (github.com/NVIDIA/TensorRT/issues/3985). Encoders here move the colour axis first, because moving bytes is
cheaper on a processor. The two commute exactly, so the graph is changed on its way into the parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

#: They only move elements; their data is their first input, the others are shapes and axes.
_MOVES = frozenset({"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Identity"})


def with_casts_first(raw: bytes) -> bytes:
    """``raw`` with a cast to float32 right behind each uint8 input that is only moved before it is cast.

    Every output stays the same to the last bit: float32 and float16 both hold 0..255 exactly. Any other use of
    bytes is left as it is, for TensorRT's parser to judge.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.ModelProto.FromString(raw)
    graph = model.graph
    changed = False
    for given in graph.input:
        if given.type.tensor_type.elem_type != TensorProto.UINT8:
            continue
        moved = _moved_before_cast(graph, given.name)
        if not moved:
            continue
        new = f"{given.name}__float32"
        for node in _users(graph, given.name):
            node.input[:] = [new if name == given.name else name for name in node.input]
        graph.node.insert(0, helper.make_node("Cast", [given.name], [new], to=TensorProto.FLOAT))
        kept = [info for info in graph.value_info if info.name not in moved]  # they were bytes
        del graph.value_info[:]
        graph.value_info.extend(kept)
        changed = True
    return model.SerializeToString() if changed else raw


def _moved_before_cast(graph: GraphProto, name: str) -> set[str]:
    """The tensors between the input ``name`` and the casts that end every path; empty where there are none, or
    where a path leads elsewhere."""
    from onnx import TensorProto

    results = {output.name for output in graph.output}
    moved: set[str] = set()
    waiting = [name]
    while waiting:
        tensor = waiting.pop()
        for node in _users(graph, tensor):
            if node.op_type in _MOVES and node.input[0] == tensor and list(node.input).count(tensor) == 1:
                if node.output[0] in results:
                    return set()
                moved.add(node.output[0])
                waiting.append(node.output[0])
            elif node.op_type != "Cast" or _target(node) not in (TensorProto.FLOAT, TensorProto.FLOAT16):
                return set()
    return moved


def _users(graph: GraphProto, tensor: str) -> list[NodeProto]:
    return [node for node in graph.node if tensor in node.input]


def _target(node: NodeProto) -> int:
    return next(attribute.i for attribute in node.attribute if attribute.name == "to")
