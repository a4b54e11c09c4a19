#!/usr/bin/env bash
# Adds the GPU runtime to .venv, with the CUDA libraries it wants, and leaves it the only ONNX Runtime there.
#
# insightface requires `onnxruntime`; `onnxruntime-gpu` is another distribution with the same files.
# Installed side by side, whichever came last wins, and removing one breaks the other. So the CPU one
# goes, and the GPU one is laid down again, whole. `pip check` then names insightface's requirement as
# missing; the module that it imports is there.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
pip() { "$python" -m pip --quiet --disable-pip-version-check "$@"; }

echo "unmask: installing the GPU build of ONNX Runtime with its CUDA libraries (about 1 GB)"
pip install --constraint constraints.txt "onnxruntime-gpu[cuda,cudnn]"
pip uninstall --yes onnxruntime
pip install --constraint constraints.txt --no-deps --force-reinstall onnxruntime-gpu
"$python" scripts/check_runtime.py onnxruntime-gpu
touch .venv/wants-gpu  # scripts/install.sh does this again after it installed anew
