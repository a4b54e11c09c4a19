#!/usr/bin/env bash
# Prints the first Python 3.11, 3.12 or 3.13 that really runs; PYTHON=... names one.
set -euo pipefail

usable() {
    # Version managers put launchers on the PATH for versions that are not there: run it, never trust the name.
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" && echo "$PYTHON" && exit 0
    echo "unmask: PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13; name another one." >&2
    exit 1
fi
for candidate in python3.11 python3.12 python3.13 python3; do
    if usable "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done
echo "unmask: there is no Python 3.11, 3.12 or 3.13 here; install one (on Debian and Ubuntu:" \
    "apt-get install python3 python3-venv) or name it with PYTHON=/path/to/python3." >&2
exit 1
