"""Two traps for whatever leaves this machine: one in the interpreter, and a network in which there is nothing.

The first sees who is asked for (names and addresses) and refuses; C libraries (Qt, FFmpeg, gRPC) pass it by. The
second has no way out, and the kernel counts what was tried over IPv4, whoever tried.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Loaded by the interpreter before anything else: notes and refuses whatever leaves this machine.
_HOOK = """
import os, socket, sys

_INTERNET = (socket.AF_INET, socket.AF_INET6)


def _refuse(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        outside = True
    elif event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        outside = arguments[0].family in _INTERNET
    else:
        outside = False
    if outside:
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {arguments[0] if 'name' in event or 'addrinfo' in event else arguments[1]}\\n")
        raise PermissionError(f"{event} is refused here")


sys.addaudithook(_refuse)
"""

#: Runs the rest of its arguments and writes the counters of the network it runs in where COUNTERS says.
_COUNTED = '"$@"; code=$?; cat /proc/net/snmp >"$COUNTERS"; exit $code'
_ALONE = ("unshare", "--map-root-user", "--net")


@dataclass(frozen=True)
class Trapped:
    """``tried`` is what the interpreter's trap noted; ``packets`` counts what the kernel saw, ``None`` where such a
    network cannot be made."""

    code: int
    said: str
    tried: list[str]
    packets: int | None


def can_be_alone() -> bool:
    """Whether this user may have a network of their own (Linux)."""
    if shutil.which(_ALONE[0]) is None:
        return False
    return subprocess.run([*_ALONE, "true"], check=False, capture_output=True).returncode == 0


def run_trapped(
    folder: Path,
    *words: str,
    alone: bool = False,
    hook: bool = True,
    timeout_s: float = 100,
    umask: int = -1,
    variables: Mapping[str, str] | None = None,
) -> Trapped:
    """``python WORDS`` with a home of its own in ``folder``; ``hook`` sets the first trap, ``alone`` the second."""
    (folder / "trap").mkdir(exist_ok=True)
    (folder / "trap" / "sitecustomize.py").write_text(_HOOK if hook else "", encoding="utf-8")
    log, counters = folder / "network.log", folder / "counters"
    path = os.pathsep.join([str(folder / "trap"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "HOME": str(folder), "MPLCONFIGDIR": str(folder / "matplotlib")}
    environment |= {"NETWORK_LOG": str(log), "COUNTERS": str(counters), **(variables or {})}
    command = [sys.executable, *words]
    done = subprocess.run(
        [*_ALONE, "sh", "-c", _COUNTED, "sh", *command] if alone else command,
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        umask=umask,
        check=False,
    )
    tried = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return Trapped(done.returncode, done.stdout, tried, _packets(counters.read_text()) if counters.exists() else None)


def _packets(counters: str) -> int:
    """What was sent, or found no way out."""
    rows = [line.split() for line in counters.splitlines()]
    names = next(row for row in rows if row[0] == "Ip:")
    values = next(row for row in rows if row[0] == "Ip:" and row[1].isdecimal())
    found = dict(zip(names[1:], map(int, values[1:]), strict=True))
    return found["OutRequests"] + found["OutNoRoutes"]
