"""From a trained checkpoint to a detector package: ONNX, precisions, the parity gate."""
