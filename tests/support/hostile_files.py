"""Files made to harm, as changes of sound ones, and what must hold whatever becomes of them."""

from __future__ import annotations

import copy
import json
import struct
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

#: What is put in the place of a value: other kinds, ends of ranges, and words that steer whoever shows them.
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 7, 2**31, 2**63, -(2**63), 10**30, 10**400, 0.5, -0.0, 1e308, -1e308, 5e-324),
    *("", "x", "nan", "1e999", "-1", "\x1b[2J", "\x1b]0;x\x07", "a\nb", "a\0b", "\u202edcba", "../../x", "/etc/passwd"),
    *(
        "C:\\x",
        "%n%s",
        "{0}",
        "[/red]",
        "$x^$",
        "<b>",
        "x" * 3000,
        "9" * 3000,
        "\u0663",
        "\xb2",
        "\ud800",
        "\U0001f600",
    ),
    *([], {}, [[]], [None], [1, "a"], {"": 0}, {"a": {"b": []}}),
)
#: Pieces that are planted in bytes, whatever these are of.
PLANTED = (b"", b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\n", b'"', b"\\", b"[", b"{")


def sentence(error: object) -> str:
    """What an error says, which must be one line that a terminal only shows, and end as a sentence does."""
    said = str(error)
    assert all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in said), said[:500]
    assert said.endswith("."), said[:500]
    assert len(said) < 1500, said[:500]
    assert "Traceback" not in said
    return said


@contextmanager
def nothing_stays_in(folder: Path) -> Iterator[None]:
    """Whatever happens within, ``folder`` holds afterwards what it held before."""
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    yield
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


def peak_mib(action: Callable[[], object]) -> float:
    """By how many MiB of memory the process grew at most while ``action`` ran; 0 where the system does not tell."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")

    def now(name: str) -> float:
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith(name))
        return int(line.split()[1]) / 1024

    try:
        reset.write_text("5", encoding="ascii")
        before = now("VmRSS")
    except (OSError, StopIteration):
        action()
        return 0.0
    action()
    return now("VmHWM") - before


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a JSON value, itself included."""
    found = [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += places(each, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A copy of ``value`` with ``odd`` at ``path``; where ``odd`` is ``Ellipsis``, without what is there."""
    if not path:
        return odd if odd is not ... else None
    made = copy.deepcopy(value)
    parent = made
    for key in path[:-1]:
        if not isinstance(parent, dict | list) or (isinstance(parent, dict) and key not in parent):
            return made
        if isinstance(parent, list) and not (isinstance(key, int) and key < len(parent)):
            return made
        parent = parent[key]
    last = path[-1]
    there = isinstance(parent, dict) and last in parent
    there = there or (isinstance(parent, list) and isinstance(last, int) and last < len(parent))
    if there and odd is ...:
        del parent[last]
    elif there:
        parent[last] = copy.deepcopy(odd)
    return made


def deep(levels: int, kind: str = "[") -> str:
    """JSON of lists or tables one within the other."""
    return "[" * levels + "]" * levels if kind == "[" else '{"a":' * levels + "1" + "}" * levels


def changed_json(valid: Any) -> st.SearchStrategy[bytes]:
    """JSON that was ``valid`` before one to three values were replaced or taken away, and sometimes bytes of it."""
    odd = st.one_of(st.sampled_from(ODD_VALUES), st.just(...), st.floats(), st.integers(), st.text(max_size=20))
    changes = st.lists(st.tuples(st.sampled_from(places(valid)), odd), min_size=1, max_size=3)

    def written(drawn: list[tuple[tuple[Any, ...], Any]]) -> bytes:
        value = valid
        for path, other in drawn:
            value = replaced(value, path, other)
        return json.dumps(value).encode()

    text = json.dumps(valid).encode()
    return st.one_of(changes.map(written), changes.map(written), changed_bytes([text]))


def changed_bytes(sound: list[bytes], most: int = 6) -> st.SearchStrategy[bytes]:
    """One of ``sound`` with some bytes changed, planted, doubled or taken away, and sometimes cut off."""
    one = st.tuples(
        st.floats(0, 1, allow_nan=False),
        st.sampled_from(("set", "flip", "plant", "drop", "double", "cut", "number")),
        st.integers(0, 255),
        st.sampled_from(PLANTED),
    )
    return st.tuples(st.sampled_from(sound), st.lists(one, min_size=1, max_size=most)).map(_changed)


def _changed(drawn: tuple[bytes, Sequence[tuple[float, str, int, bytes]]]) -> bytes:
    data, changes = bytearray(drawn[0]), drawn[1]
    for share, how, value, piece in changes:
        at = min(int(share * len(data)), max(len(data) - 1, 0))
        if not data:
            break
        match how:
            case "set":
                data[at] = value
            case "flip":
                data[at] ^= 1 << value % 8
            case "plant":
                data[at:at] = piece
            case "drop":
                del data[at : at + 1 + value % 16]
            case "double":
                data[at:at] = data[at : at + 1 + value]
            case "cut":
                del data[at:]
            case "number":  # a length, a size or a place, in either order of bytes
                order = "<I" if value % 2 else ">I"
                number = (0, 1, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)[value // 2 % 8]
                data[at : at + 4] = struct.pack(order, number)[: len(data) - at]
    return bytes(data)
