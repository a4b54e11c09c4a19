#!/usr/bin/env bash
# Runs the tests that need a GPU, and prints what it skipped and why. Skipping all of them is no failure.
# With PYTHON=... it takes that environment, where TensorRT and pytest are; else the project's own.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
code=0
"$python" -m pytest -m gpu -rs "$@" || code=$?
# 5: not one test was collected, which would hide that the mark was lost.
if [ "$code" = 5 ]; then
    echo "unmask: there is no test with the mark gpu" >&2
fi
exit "$code"
