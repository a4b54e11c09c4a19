"""The messages of the Open Inference Protocol (KServe v2, ``grpc_service.proto``) that a monitor needs.

They are described here in words close to the original and built when this module is imported, so no
generated code ties us to one release of protobuf. Fields that are left out (parameters of tensors and calls) are
skipped on the wire, as protobuf defines it; names of messages are not on the wire at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "/inference.GRPCInferenceService/"

#: Names of element types in the protocol. Only these two pass between a monitor and its encoder.
DATATYPES: dict[np.dtype[np.generic], str] = {np.dtype(np.uint8): "UINT8", np.dtype(np.float32): "FP32"}

_PACKAGE = "unmask.remote"
_SCHEMA: dict[str, tuple[str, ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": ("bool live = 1",),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": ("string name = 1", "string version = 2"),
    "ModelReadyRequest": ("string name = 1", "string version = 2"),
    "ModelReadyResponse": ("bool ready = 1",),
    "ModelMetadataRequest": ("string name = 1", "string version = 2"),
    "ModelMetadataResponse": (
        "string name = 1",
        "repeated string versions = 2",
        "string platform = 3",
        "repeated TensorMetadata inputs = 4",
        "repeated TensorMetadata outputs = 5",
    ),
    "TensorMetadata": ("string name = 1", "string datatype = 2", "repeated int64 shape = 3"),
    "ModelInferRequest": (
        "string model_name = 1",
        "string model_version = 2",
        "string id = 3",
        "repeated Tensor inputs = 5",
        "repeated RequestedOutput outputs = 6",
        "repeated bytes raw_input_contents = 7",
    ),
    "ModelInferResponse": (
        "string model_name = 1",
        "string model_version = 2",
        "string id = 3",
        "repeated Tensor outputs = 5",
        "repeated bytes raw_output_contents = 6",
    ),
    "Tensor": ("string name = 1", "string datatype = 2", "repeated int64 shape = 3", "Contents contents = 5"),
    "RequestedOutput": ("string name = 1",),
    # Servers may put the numbers here in place of raw_output_contents; of its eight kinds we take floats.
    "Contents": ("repeated float fp32_contents = 6",),
}

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "int64": _Field.TYPE_INT64,
    "float": _Field.TYPE_FLOAT,
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto3")
    for name, lines in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for line in lines:
            *repeated, kind, field, _, number = line.split()
            label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            added = message.field.add(name=field, number=int(number), label=label)
            added.type = _SCALARS.get(kind, _Field.TYPE_MESSAGE)
            if kind not in _SCALARS:
                added.type_name = f".{_PACKAGE}.{kind}"
    # A pool of our own: another library in this process may bring the protocol's own descriptions.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _SCHEMA}


#: Message class by name. A method ``M`` takes an ``MRequest`` and answers with an ``MResponse``.
MESSAGES: dict[str, Any] = _build()
