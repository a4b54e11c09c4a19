"""How large an ONNX file may be in ways that its size in bytes does not tell. Reads the bytes, builds nothing.

A parsed message takes up to a hundred times the room of its bytes: a file of a gigabyte made of empty
nodes (two bytes each) would fill the memory of any machine while it is parsed. So the fields are counted
on the wire first (https://protobuf.dev/programming-guides/encoding), and the count stops at the limit.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from unmask.engines.errors import PackageError

#: Fields of all messages together. A network of a hundred nodes has about 6 000.
MAX_FIELDS = 1_000_000
#: Nodes, those of branches and bodies included. Image networks have hundreds, the largest a few thousand.
MAX_NODES = 50_000
#: Graphs inside graphs (branches of If, bodies of Scan), one within the other.
MAX_SUBGRAPHS = 8
#: Messages within messages; a subgraph takes three of these. Protobuf itself ends at 100.
MAX_DEPTH = 40
#: Whole numbers written one by one, in bytes: each may take eight times that once it is read.
MAX_LISTED_BYTES = 64 << 20

#: Number of a field -> its message type (None for a plain one), and whether it is a list of varints.
_Fields = dict[int, tuple[Any, bool]]


class _Damaged(Exception):
    """The bytes are no sequence of fields."""


def check_limits(raw: bytes, where: str) -> None:
    """Raise ``PackageError`` unless ``raw`` is a sequence of protobuf fields within the limits of this module.

    ``where`` names the file. Time and memory are bounded by ``MAX_FIELDS``, not by what ``raw`` claims.
    """
    from onnx import ModelProto

    try:
        problem = _Scan(raw).problem(ModelProto.DESCRIPTOR)
    except (_Damaged, IndexError) as error:
        raise PackageError(f"{where} is no readable ONNX graph (damaged or cut off): get it again.") from error
    if problem:
        raise PackageError(f"{where} has {problem}: no detector needs that, so it is not loaded.")


class _Scan:
    """One walk over the bytes, without recursion."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._fields = self._nodes = self._listed = 0

    def problem(self, root: Any) -> str | None:
        """What exceeds a limit, in words; ``None`` where all is within them."""
        # Each entry: where a message begins and ends, its type, how deep it lies, and in how many graphs.
        waiting: list[tuple[int, int, Any, int, int]] = [(0, len(self._raw), root, 1, 0)]
        while waiting:
            position, end, kind, depth, graphs = waiting.pop()
            graphs += kind.name == "GraphProto"
            fields = _fields_of(kind)
            while position < end:
                number, start, position = self._field(position)
                if problem := self._exceeded(depth, graphs):
                    return problem
                if start is None:
                    continue
                if position > end:
                    raise _Damaged
                inner, is_list = fields.get(number, (None, False))
                self._listed += position - start if is_list else 0
                if inner is not None:
                    self._nodes += inner.name == "NodeProto"
                    waiting.append((start, position, inner, depth + 1, graphs))
            if position != end:
                raise _Damaged
        # What the last field added; an empty message at the end has none of its own.
        return self._exceeded(1, 0)

    def _exceeded(self, depth: int, graphs: int) -> str | None:
        if self._fields > MAX_FIELDS:
            return f"more than {MAX_FIELDS} fields"
        if self._nodes > MAX_NODES:
            return f"more than {MAX_NODES} nodes"
        if graphs > MAX_SUBGRAPHS + 1:
            return f"more than {MAX_SUBGRAPHS} graphs one within the other"
        if depth > MAX_DEPTH:
            return f"more than {MAX_DEPTH} messages one within the other"
        if self._listed > MAX_LISTED_BYTES:
            return f"more than {MAX_LISTED_BYTES >> 20} MiB of numbers listed one by one"
        return None

    def _field(self, position: int) -> tuple[int, int | None, int]:
        """The number of the field that begins here, where its bytes begin (None for a number), where it ends."""
        self._fields += 1
        tag, position = self._varint(position)
        match tag & 7:
            case 0:
                return tag >> 3, None, self._varint(position)[1]
            case 1:
                return tag >> 3, None, position + 8
            case 2:
                length, position = self._varint(position)
                return tag >> 3, position, position + length
            case 5:
                return tag >> 3, None, position + 4
            case _:  # groups, which ONNX never had, and types that do not exist
                raise _Damaged

    def _varint(self, position: int) -> tuple[int, int]:
        raw, value, shift = self._raw, 0, 0
        while shift < 70:
            byte = raw[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
        raise _Damaged


@cache
def _fields_of(kind: Any) -> _Fields:
    from google.protobuf.descriptor import FieldDescriptor

    varints = {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
        FieldDescriptor.CPPTYPE_ENUM,
        FieldDescriptor.CPPTYPE_BOOL,
    }
    return {field.number: (field.message_type, field.cpp_type in varints) for field in kind.fields}
