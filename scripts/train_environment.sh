#!/usr/bin/env bash
# Makes .venv-train, an environment with the train and dev extras; does nothing when nothing has changed.
# It stands apart from .venv: torch brings gigabytes, and its CUDA is not the one that the gpu extra pins.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.venv-train
python=$folder/bin/python

pip() { "$python" -m pip --quiet --disable-pip-version-check "$@"; }

if ! "$python" -c 'import pip' 2>/dev/null; then
    found=$(bash scripts/find_python.sh)
    if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        bash scripts/apt_install.sh "Python's venv module" "python$version-venv"
    fi
    echo "unmask: making $folder with $("$found" -V) ($found)"
    "$found" -m venv --clear "$folder"
fi

# The root counts too: a folder that was moved or copied is linked to files elsewhere.
wanted=$( (pwd && cat setup.py pyproject.toml constraints.txt scripts/train_environment.sh) | sha256sum)
[ "$wanted" != "$(cat "$folder/installed" 2>/dev/null)" ] || exit 0

echo "unmask: installing torch and the rest of the train extra into $folder (gigabytes; the first time takes minutes)"
# Without the pins of the gpu extra: torch asks for CUDA libraries of other versions.
grep -v '^nvidia-' constraints.txt >"$folder/constraints.txt"
pip install --constraint "$folder/constraints.txt" setuptools
# Not a strict editable install as in .venv: the tree of links in build/ belongs to that one.
pip install --no-build-isolation --constraint "$folder/constraints.txt" --editable ".[train,dev]"
echo "$wanted" >"$folder/installed"
