#!/usr/bin/env bash
# Builds the wheel and uses it as somebody would who has nothing but it: in a fresh environment, away from the sources.
# usage: check_wheel.sh [PYTHON ...]   (paths of Python 3.11, 3.12, 3.13; without one the first that runs is taken)
# Everything happens in a temporary folder, or in the one that WORK names, which is kept. uv is used where it is there.
# Prints a line of the table in docs/INSTALL.md for each Python; ends with 1 at the first thing that does not work.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
work=${WORK:-$(mktemp -d -t unmask-wheel-XXXXXX)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
pythons=("$@")
[ ${#pythons[@]} -gt 0 ] || pythons=("$(bash scripts/find_python.sh)")

have_uv() { command -v uv >/dev/null; }
make_environment() { # PYTHON FOLDER
    if have_uv; then uv venv --quiet --clear --python "$1" "$2"; else "$1" -m venv --clear "$2"; fi
}
install() { # FOLDER ARGUMENTS...
    local python=$1/bin/python
    shift
    if have_uv; then
        uv pip install --quiet --python "$python" "$@"
    else
        "$python" -m pip --quiet --disable-pip-version-check install "$@"
    fi
}
check() { # FOLDER: what is installed fits together
    if have_uv; then uv pip check --quiet --python "$1/bin/python"; else "$1/bin/python" -m pip check; fi
}
would_install() { # FOLDER ARGUMENTS...: how many distributions that would be
    local python=$1/bin/python said
    shift
    if have_uv; then
        said=$(uv pip install --dry-run --python "$python" "$@" 2>&1) || { echo "$said" >&2 && return 1; }
        grep -c '^ + ' <<<"$said" || true
    else
        said=$("$python" -m pip --disable-pip-version-check install --dry-run "$@") || return 1
        grep -o 'Would install.*' <<<"$said" | wc -w
    fi
}
say() { echo "unmask: $*" >&2; }

# A copy of what belongs into it: a build leaves files behind, and the ones here are links of the editable install.
say "building the wheel"
rm -rf "$work/source" "$work/wheel"
mkdir -p "$work/source" "$work/wheel"
tar -c --exclude=__pycache__ setup.py pyproject.toml README.md LICENSE NOTICE \
    realtime engines export training gui benchmarks cli detectors | tar -x -C "$work/source"
make_environment "${pythons[0]}" "$work/build-environment"
install "$work/build-environment" -c constraints.txt setuptools pip
"$work/build-environment/bin/python" -m pip wheel --no-deps --no-build-isolation --wheel-dir "$work/wheel" "$work/source" >"$work/build.log" 2>&1 ||
    { tail -20 "$work/build.log" >&2 && exit 1; }
wheel=$(echo "$work"/wheel/*.whl)

# CUDA is another one for torch than for the extra gpu, and torch chooses its own.
grep -v '^nvidia-' constraints.txt >"$work/train-constraints.txt"

use() { # PYTHON
    local environment=$work/environment away=$work/away version
    make_environment "$1" "$environment"
    version=$("$environment/bin/python" -c 'import platform; print(platform.python_version())')
    say "Python $version: installing"
    install "$environment" -c constraints.txt "$wheel"
    check "$environment"
    "$environment/bin/python" - <<'PYTHON'
import importlib.util, pathlib, sys, unmask.cli.main as main
assert pathlib.Path(main.__file__).is_relative_to(sys.prefix), main.__file__
here = [name for name in ("PyQt6", "PySide6", "pyqtgraph", "torch", "timm", "grpc", "openvino", "yt_dlp", "matplotlib", "pytest")
        if importlib.util.find_spec(name)]
assert not here, f"the core brings {here}"
PYTHON
    rm -rf "$away"
    mkdir -p "$away/home"
    (
        cd "$away"
        export HOME=$away/home XDG_CACHE_HOME=$away/home/cache XDG_DATA_HOME=$away/home/data XDG_CONFIG_HOME=$away/home/config
        export UNMASK_OFFLINE=1 COLUMNS=100
        unset DISPLAY WAYLAND_DISPLAY
        unmask=$environment/bin/unmask
        "$unmask" --help >help.txt
        "$unmask" --version >>help.txt
        say "Python $version: unmask demo --headless"
        "$unmask" demo --headless --face-finder cascade >demo.txt 2>&1 || { tail -20 demo.txt >&2 && exit 1; }
        [ -s unmask-demo.mp4 ] || { say "the demo wrote no video" && exit 1; }
        say "Python $version: unmask scan, doctor"
        "$unmask" scan home/cache/unmask/demo/*.mp4 --face-finder cascade --frames 200 --json scan.json >scan.txt 2>&1 ||
            { tail -20 scan.txt >&2 && exit 1; }
        "$environment/bin/python" -c 'import json; assert json.load(open("scan.json"))["items"][0]["faces"]'
        "$unmask" doctor --json >doctor.json || true # 1: it found a problem, which is shown
        "$environment/bin/python" - <<'PYTHON'
import json, sys
told = json.load(open("doctor.json"))
for each in told["findings"]:
    if each["state"] == "problem":
        sys.exit(f"unmask doctor: {each['group']}, {each['name']}: {each['text']}")
PYTHON
    )
    local core gui gpu train times wheel_size own site
    core=$("$environment/bin/python" -c 'from importlib.metadata import distributions as d; print(len({x.name for x in d()} - {"pip"}))')
    say "Python $version: the extras"
    gui=$(would_install "$environment" -c constraints.txt "$wheel[gui,page,remote,openvino,bench]")
    gpu=$(would_install "$environment" -c constraints.txt "$wheel[gpu]")
    train=$(would_install "$environment" -c "$work/train-constraints.txt" "$wheel[train]")
    site=$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    find "$site" -name __pycache__ -prune -exec rm -rf {} +
    wheel_size=$(stat -c %s "$wheel")
    own=$(du -sb "$site/unmask" | cut -f1)
    "$environment/bin/unmask" --help >/dev/null # compiles what it needs once
    times=$("$environment/bin/python" "$root/scripts/time_help.py" "$environment/bin/unmask")
    awk -v v="$version" -v w="$wheel_size" -v o="$own" -v s="$(du -sb "$site" | cut -f1)" -v c="$core" -v t="$times" \
        -v g="$gui" -v u="$gpu" -v r="$train" 'BEGIN { printf "| %s | %.1f MB | %.1f MB | %.0f MB in %d distributions | %s | %d | %d | %d |\n",
        v, w / 1e6, o / 1e6, s / 1e6, c, t, g, u, r }'
    rm -rf "$environment"
}

echo "| Python | wheel | our files installed | installed in all, core | \`unmask --help\`, wall and processor | gui, page, remote, openvino, bench add | gpu adds | train adds |"
echo "|---|---|---|---|---|---|---|---|"
for python in "${pythons[@]}"; do
    use "$python"
done
