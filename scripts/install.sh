#!/usr/bin/env bash
# Makes .venv and installs the project into it, editable; does nothing when nothing has changed.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=gui,page,remote,openvino,bench,dev
venv_python=.venv/bin/python

fingerprint() { sha256sum | cut -d' ' -f1; }
pip() { "$venv_python" -m pip --quiet --disable-pip-version-check "$@"; }

create_environment() {
    local python
    python=$(bash scripts/find_python.sh)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian splits these modules off into a package of their own.
        local version
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        bash scripts/apt_install.sh "Python's venv module" "python$version-venv"
    fi
    echo "unmask: making .venv with $("$python" -V) ($python)"
    "$python" -m venv --clear .venv
}

# An environment without a working pip is one that broke off half way, or whose Python is gone.
"$venv_python" -c 'import pip' 2>/dev/null || create_environment

# What decides which packages belong into the environment ...
dependencies=$(cat setup.py pyproject.toml constraints.txt scripts/install.sh | fingerprint)
# ... and which links: a strict editable install is a tree of links, made once, so a new file needs a new
# one. The root counts too: in a folder that was moved or copied, every path in the environment is wrong.
sources=$( (pwd && echo "$dependencies" &&
    find realtime engines export training gui benchmarks cli detectors -type f ! -name '*.pyc' |
    LC_ALL=C sort) | fingerprint)

link_project() {
    rm -rf build .venv/installed-sources
    pip install --no-build-isolation --config-settings editable_mode=strict "$@"
    echo "$sources" >.venv/installed-sources
}

if [ "$dependencies" != "$(cat .venv/installed-dependencies 2>/dev/null)" ]; then
    echo "unmask: installing the pinned dependencies into .venv (the first time takes minutes)"
    pip install --constraint constraints.txt setuptools
    link_project --constraint constraints.txt --editable ".[$extras]"
    [ ! -e .venv/wants-gpu ] || bash scripts/install_gpu.sh
    echo "$dependencies" >.venv/installed-dependencies
elif [ ! -d build ] || [ "$sources" != "$(cat .venv/installed-sources 2>/dev/null)" ]; then
    link_project --no-deps --editable .
fi
