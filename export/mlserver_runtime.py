"""An encoder of Unmask in MLServer: ONNX Runtime on the processor. Needs `pip install mlserver onnxruntime`.

``unmask export --triton`` puts this file beside ``model-settings.json``; it stands alone there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from mlserver.utils import get_model_uri


class OnnxEncoder(MLModel):
    """``crops`` uint8 (N, S, S, 3) in; every float32 output of the graph out."""

    async def load(self) -> bool:
        uri = await get_model_uri(self.settings)
        options = onnxruntime.SessionOptions()
        # Spinning threads would burn the processor after every call, as long as monitors keep asking.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(uri, options, providers=["CPUExecutionProvider"])
        self._outputs = [output.name for output in self._session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        arrays = {given.name: NumpyCodec.decode_input(given) for given in payload.inputs}
        # In a thread: the server must answer that it is live while a batch is being worked on.
        results: Sequence[Any] = await asyncio.to_thread(self._session.run, self._outputs, arrays)
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self.version,
            outputs=[
                ResponseOutput(name=name, datatype="FP32", shape=list(array.shape), data=array.ravel().tolist())
                for name, array in zip(self._outputs, results, strict=True)
            ],
        )
