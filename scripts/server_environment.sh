#!/usr/bin/env bash
# Makes .venv-server, where the tests of the engine `remote` run a real inference server (MLServer); does nothing
# when nothing has changed. It stands apart from .venv: the two want different releases of protobuf.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.venv-server
pins=tests/support/server_requirements.txt
python=$folder/bin/python

wanted=$(cat "$pins" scripts/server_environment.sh | sha256sum)
if [ "$wanted" = "$(cat "$folder/installed" 2>/dev/null)" ] && "$python" -c 'import mlserver' 2>/dev/null; then
    exit 0
fi

# MLServer runs on Python 3.11 and 3.12, not on 3.13, which is good enough for the project itself.
found=
for candidate in "${PYTHON:-}" python3.11 python3.12 python3; do
    if [ -n "$candidate" ] && "$candidate" -c 'import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; then
        found=$candidate
        break
    fi
done
if [ -z "$found" ]; then
    echo "unmask: there is no Python 3.11 or 3.12 for MLServer: the tests with a real server will be skipped." >&2
    exit 0
fi
echo "unmask: making $folder with $("$found" -V): an inference server for the tests (the first time takes a minute)"
"$found" -m venv --clear "$folder"
"$python" -m pip --quiet --disable-pip-version-check install --requirement "$pins"
echo "$wanted" >"$folder/installed"
