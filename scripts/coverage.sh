#!/usr/bin/env bash
# Measures which lines and branches the tests run, part by part, so that one that hangs costs little:
#   bash scripts/coverage.sh [FOLDER ...]      e.g. tests/realtime tests/engines; everything without one
# Processes that tests start are measured too. Leaves out/.coverage and out/coverage.json, and prints two tables.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
if [ $# -eq 0 ]; then
    set -- tests/realtime tests/engines tests/cli tests/gui tests/benchmarks tests/hardening tests/export \
        tests/training tests/integration tests/test_*.py
fi

mkdir -p out
export COVERAGE_FILE=$PWD/out/.coverage
"$PYTHON" -m coverage erase
failed=0
for part in "$@"; do
    echo "unmask: coverage of $part"
    "$PYTHON" -m coverage run -m pytest -q --durations=25 -p no:cacheprovider "$part" || failed=1
done
"$PYTHON" -m coverage combine --quiet
"$PYTHON" -m coverage json --quiet -o out/coverage.json
"$PYTHON" scripts/coverage_table.py out/coverage.json
exit $failed
