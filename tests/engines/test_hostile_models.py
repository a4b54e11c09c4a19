"""Graphs made to harm: each is refused with one sentence before a runtime sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from toy_package import build_manifest, toy_encoder

from unmask.engines import graph_limits
from unmask.engines.errors import PackageError
from unmask.engines.graph_check import check_graph
from unmask.engines.manifest import Manifest

PLAIN = build_manifest()
MANIFEST = Manifest.model_validate(PLAIN)
TOY = toy_encoder(PLAIN).SerializeToString()
F32 = TensorProto.FLOAT
Change = Callable[[onnx.ModelProto], None]


@pytest.fixture(autouse=True)
def no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever reaches a runtime fails the test."""
    import onnxruntime

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the graph reached ONNX Runtime")

    monkeypatch.setattr(onnxruntime, "InferenceSession", forbidden)


def refusal(raw: bytes) -> str:
    with pytest.raises(PackageError) as caught:
        check_graph(raw, "encoder", MANIFEST, "The graph x.onnx")
    message = str(caught.value)
    assert message.startswith("The graph x.onnx")
    assert message.isprintable()
    assert message.endswith(".")
    assert len(message) < 600
    return message


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def subgraph(depth: int) -> onnx.NodeProto:
    node = helper.make_node("Identity", ["logit"], ["deep"])
    for _ in range(depth):
        graph = helper.make_graph([node], "branch", [], [helper.make_tensor_value_info("deep", F32, None)])
        node = helper.make_node("If", ["condition"], ["deep"], then_branch=graph)
    return node


def weight(data_type: int = F32, dims: tuple[int, ...] = (3,), raw: bytes | None = b"\0" * 12, **lists: Any) -> Change:
    tensor = TensorProto(name="odd", data_type=data_type, dims=dims, **lists)
    if raw is not None:
        tensor.raw_data = raw
    return lambda model: model.graph.initializer.append(tensor)


def constant(**attributes: Any) -> Change:
    return lambda model: model.graph.node.append(helper.make_node("Constant", [], ["c"], **attributes))


def node(op_type: str, inputs: list[str], outputs: list[str], **attributes: Any) -> Change:
    return lambda model: model.graph.node.append(helper.make_node(op_type, inputs, outputs, **attributes))


def elsewhere(location: str) -> Change:
    tensor = TensorProto(name="far", data_type=F32, dims=(3,), data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return lambda model: model.graph.initializer.append(tensor)


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Add", ["logit", "b"], ["a"]))
    model.graph.node.append(helper.make_node("Add", ["logit", "a"], ["b"]))


def loop(model: onnx.ModelProto) -> None:
    boolean = helper.make_tensor_value_info("go", TensorProto.BOOL, [])
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"])],
        "forever",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), boolean],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, [])],
    )
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def sparse(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "thin")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "at")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 40]))


def twice(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Identity", ["embedding"], ["logit"]))


def second_opset(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx", 11))


def file_version(version: int) -> Change:
    return lambda model: setattr(model, "ir_version", version)


def training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.node.add().op_type = "Identity"


def renamed(place: str, name: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        node = model.graph.node[0]
        match place:
            case "node":
                node.name = name
            case "operator":
                node.op_type = name
            case "domain":
                node.domain = name
            case "value":
                node.output[0] = model.graph.node[1].input[0] = name
            case "metadata":
                model.metadata_props[0].value = name
            case "weight":
                weight(raw=b"")(model)
                model.graph.initializer[-1].name = name

    return change


STRING = TensorProto.STRING
CASES: dict[str, tuple[Change, str]] = {
    "huge dims": (weight(dims=(1 << 40, 1 << 40)), "but 12 bytes for it"),
    "data too short": (weight(dims=(4,)), r"float\(4\), but 12 bytes"),
    "data too long": (weight(dims=(2,)), r"float\(2\), but 12 bytes"),
    "no data at all": (weight(raw=None), "but 0 values"),
    "negative dim": (weight(dims=(-3,)), "no such shape"),
    "a thousand axes": (weight(dims=(1 << 62,) * 1000), "no such shape"),
    "too few listed": (weight(raw=None, float_data=[1.0]), "but 1 values"),
    "listed as another kind": (weight(raw=None, int64_data=[1, 2, 3]), "values of another kind"),
    "raw and listed": (weight(float_data=[1.0, 2.0, 3.0]), "its values twice"),
    "half bytes": (weight(TensorProto.INT4, (5,), b"12"), "but 2 bytes"),
    "strings": (weight(STRING, raw=None, string_data=[b"a", b"b", b"c"]), "of string: only numbers"),
    "complex": (weight(TensorProto.COMPLEX64), "of complex64"),
    "unknown type": (weight(99), "of type 99"),
    "no type": (weight(0), "of undefined"),
    "huge constant": (constant(value=TensorProto(name="k", data_type=F32, dims=(1 << 50,))), "'k' as float"),
    "sparse bomb": (sparse, "sparse weights"),
    "external above": (elsewhere("../../etc/passwd"), "'far' in another file"),
    "external absolute": (elsewhere("/etc/passwd"), "'far' in another file"),
    "external beside": (elsewhere("weights.bin"), "'far' in another file"),
    "cycle": (cycle, "topologically sorted"),
    "undefined value": (node("Relu", ["nothing"], ["z"]), "nothing"),
    "made twice": (twice, "SSA"),
    "endless loop": (loop, "Loop, which may never end"),
    "picture decoder": (node("ImageDecoder", ["crops"], ["z"]), "ImageDecoder, which decodes files"),
    "text": (node("StringNormalizer", ["crops"], ["z"]), "works on text"),
    "unknown operator": (node("Frobnicate", ["logit"], ["z"]), "Frobnicate"),
    "wrong attribute": (node("Relu", ["logit"], ["z"], alpha=1.0), "alpha"),
    "too many inputs": (node("Relu", ["logit"] * 3, ["z"]), "input size 3"),
    "two operator sets": (second_opset, "operator set 17 and 11"),
    "file of the future": (file_version(11), "file of version 11"),
    "file of the past": (file_version(1), "file of version 1"),
    "training step": (training, "training step"),
    "name steers a terminal": (renamed("node", "\x1b[2J"), r"control characters"),
    "operator with a bell": (renamed("operator", "Re\alu"), "control characters"),
    "domain with a line": (renamed("domain", "a\nb"), "control characters"),
    "value turned around": (renamed("value", "a\u202eb"), "control characters"),
    "weight with nul": (renamed("weight", "a\0b"), "control characters"),
    "endless name": (renamed("value", "x" * 5000), "too long"),
    "metadata with escape": (renamed("metadata", "\x1b]0;x\a"), "control characters"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_graph_made_to_harm(name: str) -> None:
    change, words = CASES[name]
    model = toy_encoder(PLAIN)
    change(model)
    message = refusal(model.SerializeToString())
    assert re.search(words, message), message


def graph_of(content: bytes) -> bytes:
    return field(7, content)


NUMBERS = b"\x01" * ((64 << 20) + 1)
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty nodes": (lambda: graph_of(b"\x0a\x00" * 60_000), "more than 50000 nodes"),
    "empty attributes": (lambda: graph_of(field(1, b"\x2a\x00" * 1_000_001)), "more than 1000000 fields"),
    "unknown fields": (lambda: b"\xa0\x06\x01" * 1_000_001, "more than 1000000 fields"),
    "listed numbers": (lambda: graph_of(field(5, field(7, NUMBERS))), "64 MiB of numbers"),
    "graphs in graphs": (lambda: with_node(subgraph(9)), "more than 8 graphs"),
    "types in types": (lambda: graph_of(field(11, field(2, nested_type(60)))), "40 messages one within"),
}


def with_node(added: onnx.NodeProto) -> bytes:
    model = toy_encoder(PLAIN)
    model.graph.node.append(added)
    return model.SerializeToString()


def nested_type(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = field(4, field(1, content))  # a sequence of a sequence of ...
    return content


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_not_even_parsed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, words = BOMBS[name]
    raw = make()
    if name in ("empty attributes", "unknown fields"):
        monkeypatch.setattr(graph_limits, "MAX_FIELDS", 10_000)
        words = "more than 10000 fields"
    monkeypatch.setattr(onnx, "ModelProto", _Unparsed)
    assert words in refusal(raw)


class _Unparsed:
    DESCRIPTOR = onnx.ModelProto.DESCRIPTOR

    @staticmethod
    def FromString(raw: bytes) -> None:
        raise AssertionError("the bomb was parsed")


@pytest.mark.parametrize("depth", [1, 8])
def test_some_nesting_is_read(depth: int) -> None:
    assert "condition" in refusal(with_node(subgraph(depth)))  # refused for its missing value, not its depth


@pytest.mark.parametrize("kept", [1, 2, 10, len(TOY) // 2, len(TOY) - 1])
def test_cut_off_anywhere(kept: int) -> None:
    assert re_any(refusal(TOY[:kept]), "damaged or cut off", "holds no ONNX graph", "lacks", "operator set 0")


@pytest.mark.parametrize("raw", [b"\x0b\x0c", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\xff" * 30, b"\x0f"])
def test_bytes_that_are_no_fields(raw: bytes) -> None:
    assert "damaged or cut off" in refusal(raw)


def test_a_name_that_is_no_text() -> None:
    raw = TOY.replace(b"pixels", b"pix\xffls")
    assert raw != TOY
    assert "control characters" in refusal(raw)


def re_any(message: str, *words: str) -> bool:
    return any(word in message for word in words)


FUZZ = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, len(TOY) - 1), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 3)
)
def test_changed_bytes_give_a_sentence_or_a_graph(changes: list[tuple[int, int]], drop: int) -> None:
    raw = bytearray(TOY)
    for position, value in changes:
        raw[position] = value
    del raw[changes[0][0] : changes[0][0] + drop]
    said = ""
    try:
        check_graph(bytes(raw), "encoder", MANIFEST, "The graph x.onnx")
    except PackageError as error:
        said = str(error)
    assert said.isprintable()
