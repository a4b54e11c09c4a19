#!/usr/bin/env bash
# Installs Debian packages as root; anybody else is told the exact command.
# usage: apt_install.sh "what they are needed for" PACKAGE...
set -euo pipefail
purpose=$1
shift

if ! command -v apt-get >/dev/null; then
    echo "unmask: $purpose is missing; install what your system calls these Debian packages: $*" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "unmask: $purpose is missing; install it with: sudo apt-get install --no-install-recommends $*" >&2
    exit 1
fi

echo "unmask: installing $purpose: $*"
install() { DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null; }
# The first try fails where the package lists are missing or too old; then they are fetched.
if ! install "$@" 2>/dev/null; then
    apt-get update -qq
    install "$@"
fi
