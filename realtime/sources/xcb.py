"""The few requests to an X server that finding a window takes, through libxcb and ctypes.

libxcb rather than Xlib: an Xlib error (a window that just closed) ends the process unless a
process-wide handler is installed, which would be a quarrel with Qt; in xcb it is the reply's own.
The library is the one that mss needs anyway.
"""

from __future__ import annotations

import ctypes as c
import ctypes.util
from dataclasses import dataclass
from functools import cache
from typing import Any

from unmask.engines.errors import SourceError

_ANY = 0
_VIEWABLE = 2
_INPUT_SHAPE = 2


class _Cookie(c.Structure):
    _fields_ = (("sequence", c.c_uint),)


class _Screens(c.Structure):
    _fields_ = (("data", c.c_void_p), ("rem", c.c_int), ("index", c.c_int))


class _Geometry(c.Structure):
    _fields_ = (
        ("response_type", c.c_uint8),
        ("depth", c.c_uint8),
        ("sequence", c.c_uint16),
        ("length", c.c_uint32),
        ("root", c.c_uint32),
        ("x", c.c_int16),
        ("y", c.c_int16),
        ("width", c.c_uint16),
        ("height", c.c_uint16),
    )


class _Position(c.Structure):
    _fields_ = (
        ("response_type", c.c_uint8),
        ("same_screen", c.c_uint8),
        ("sequence", c.c_uint16),
        ("length", c.c_uint32),
        ("child", c.c_uint32),
        ("x", c.c_int16),
        ("y", c.c_int16),
    )


class _Attributes(c.Structure):
    _fields_ = (("head", c.c_uint8 * 26), ("map_state", c.c_uint8))


class _Atom(c.Structure):
    _fields_ = (("head", c.c_uint8 * 8), ("atom", c.c_uint32))


class _Tree(c.Structure):
    _fields_ = (("head", c.c_uint8 * 16), ("children", c.c_uint16))


class _Extension(c.Structure):
    _fields_ = (("head", c.c_uint8 * 8), ("present", c.c_uint8))


#: Request -> (types of the arguments after the connection, type of the reply).
_REQUESTS: dict[str, tuple[list[Any], type[c.Structure]]] = {
    "intern_atom": ([c.c_uint8, c.c_uint16, c.c_char_p], _Atom),
    "get_property": ([c.c_uint8, c.c_uint32, c.c_uint32, c.c_uint32, c.c_uint32, c.c_uint32], _Atom),
    "get_geometry": ([c.c_uint32], _Geometry),
    "translate_coordinates": ([c.c_uint32, c.c_uint32, c.c_int16, c.c_int16], _Position),
    "get_window_attributes": ([c.c_uint32], _Attributes),
    "query_tree": ([c.c_uint32], _Tree),
    "query_extension": ([c.c_uint16, c.c_char_p], _Extension),
    "get_selection_owner": ([c.c_uint32], _Atom),
}


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Left, top, width and height in pixels of the whole screen."""

    left: int
    top: int
    width: int
    height: int


class XConnection:
    """One connection to the server that ``DISPLAY`` names. One thread at a time; close it."""

    def __init__(self) -> None:
        self._xcb, self._free = _libraries()
        self._connection: int | None = self._xcb.xcb_connect(None, None)
        if self._xcb.xcb_connection_has_error(self._connection):
            self.close()
            raise SourceError("There is no X display; run this in a desktop session or set DISPLAY.")
        setup = self._xcb.xcb_get_setup(self._connection)
        screen = self._xcb.xcb_setup_roots_iterator(setup).data
        self.root = int(c.cast(screen, c.POINTER(c.c_uint32))[0])

    def close(self) -> None:
        if self._connection is not None:
            self._xcb.xcb_disconnect(self._connection)
            self._connection = None

    def _ask(self, request: str, *arguments: Any) -> Any | None:
        """Pointer to the reply, to be given to ``_free``; ``None`` where the server refused."""
        cookie = getattr(self._xcb, f"xcb_{request}")(self._connection, *arguments)
        error = c.c_void_p()
        reply = getattr(self._xcb, f"xcb_{request}_reply")(self._connection, cookie, c.byref(error))
        if error:
            self._free(error)
        return reply or None

    def _field(self, request: str, field: str, *arguments: Any) -> int | None:
        reply = self._ask(request, *arguments)
        if reply is None:
            return None
        value = getattr(reply.contents, field)
        self._free(reply)
        return int(value)

    def atom(self, name: str) -> int:
        text = name.encode()
        return self._field("intern_atom", "atom", 0, len(text), text) or 0

    def has_extension(self, name: str) -> bool:
        text = name.encode()
        return bool(self._field("query_extension", "present", len(text), text))

    def has_owner(self, selection: str) -> bool:
        """Whether a program holds the selection; a compositor holds ``_NET_WM_CM_S0``."""
        return bool(self._field("get_selection_owner", "atom", self.atom(selection)))

    def input_rectangles(self, window: int) -> int | None:
        """Of how many rectangles the part of the window consists that takes clicks: 0 where they all go
        through it; ``None`` where nobody can tell (no such window, no libxcb-shape)."""
        shape = _shape_library()
        if shape is None:
            return None
        cookie = shape.xcb_shape_get_rectangles(self._connection, window, _INPUT_SHAPE)
        error = c.c_void_p()
        reply = shape.xcb_shape_get_rectangles_reply(self._connection, cookie, c.byref(error))
        if error:
            self._free(error)
        if not reply:
            return None
        count = int(reply.contents.atom)
        self._free(reply)
        return count

    def property(self, window: int, name: str) -> bytes:
        """The raw value of a window's property (at most 256 KiB); empty where there is none."""
        reply = self._ask("get_property", 0, window, self.atom(name), _ANY, 0, 1 << 16)
        if reply is None:
            return b""
        size = self._xcb.xcb_get_property_value_length(reply)
        value = c.string_at(self._xcb.xcb_get_property_value(reply), size) if size else b""
        self._free(reply)
        return value

    def children(self, window: int) -> list[int]:
        reply = self._ask("query_tree", window)
        if reply is None:
            return []
        count = reply.contents.children
        found = c.cast(self._xcb.xcb_query_tree_children(reply), c.POINTER(c.c_uint32))[:count]
        self._free(reply)
        return list(found)

    def viewable(self, window: int) -> bool | None:
        """Whether the window is mapped with all its parents; ``None`` when it does not exist."""
        state = self._field("get_window_attributes", "map_state", window)
        return None if state is None else state == _VIEWABLE

    def rectangle(self, window: int) -> Rectangle | None:
        """The inside of the window (without its frame) on the screen; ``None`` when it is gone."""
        reply = self._ask("get_geometry", window)
        if reply is None:
            return None
        width, height = reply.contents.width, reply.contents.height
        self._free(reply)
        reply = self._ask("translate_coordinates", window, self.root, 0, 0)
        if reply is None:
            return None
        left, top = reply.contents.x, reply.contents.y
        self._free(reply)
        return Rectangle(left, top, width, height)


@cache
def _shape_library() -> Any | None:
    """libxcb-shape, which Qt's X11 part needs too; ``None`` where it is not installed."""
    try:
        shape = c.CDLL(ctypes.util.find_library("xcb-shape") or "libxcb-shape.so.0")
    except OSError:
        return None
    shape.xcb_shape_get_rectangles.argtypes = [c.c_void_p, c.c_uint32, c.c_uint8]
    shape.xcb_shape_get_rectangles.restype = _Cookie
    shape.xcb_shape_get_rectangles_reply.argtypes = [c.c_void_p, _Cookie, c.c_void_p]
    shape.xcb_shape_get_rectangles_reply.restype = c.POINTER(_Atom)  # a count where that has an atom
    return shape


@cache
def _libraries() -> tuple[Any, Any]:
    """libxcb with its signatures declared, and the C library's ``free``."""
    name = ctypes.util.find_library("xcb") or "libxcb.so.1"
    try:
        xcb = c.CDLL(name)
    except OSError:
        raise SourceError("Screens need libxcb; install it (on Debian: apt install libxcb1).") from None
    free = c.CDLL(None).free
    free.argtypes, free.restype = [c.c_void_p], None
    xcb.xcb_connect.argtypes, xcb.xcb_connect.restype = [c.c_char_p, c.c_void_p], c.c_void_p
    xcb.xcb_disconnect.argtypes = [c.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [c.c_void_p]
    xcb.xcb_get_setup.argtypes, xcb.xcb_get_setup.restype = [c.c_void_p], c.c_void_p
    xcb.xcb_setup_roots_iterator.argtypes = [c.c_void_p]
    xcb.xcb_setup_roots_iterator.restype = _Screens
    for request, (arguments, reply) in _REQUESTS.items():
        ask = getattr(xcb, f"xcb_{request}")
        ask.argtypes, ask.restype = [c.c_void_p, *arguments], _Cookie
        answer = getattr(xcb, f"xcb_{request}_reply")
        answer.argtypes = [c.c_void_p, _Cookie, c.c_void_p]
        answer.restype = c.POINTER(reply)
    for name, result in (("get_property_value", c.c_void_p), ("query_tree_children", c.c_void_p)):
        getattr(xcb, f"xcb_{name}").argtypes = [c.c_void_p]
        getattr(xcb, f"xcb_{name}").restype = result
    xcb.xcb_get_property_value_length.argtypes = [c.c_void_p]
    return xcb, free
