"""What runs a model: one file per runtime behind one small protocol, and the detector package format."""

import os

# ONNX Runtime's official builds report their use to Microsoft unless this is set before they are loaded (from 1.31 on
# on Linux too; its Privacy.md). Unmask promises that nothing leaves the machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
