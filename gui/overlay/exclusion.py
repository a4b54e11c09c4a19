"""Asking the system to leave a window out of captures. Windows and macOS can; X11 and Wayland cannot."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

#: winuser.h. WDA_MONITOR (1), all that Windows before 10 version 2004 knows, would put a black block in the capture.
WDA_EXCLUDEFROMCAPTURE = 0x11
#: NSWindow.h
NS_WINDOW_SHARING_NONE = 0

#: Takes ``QWidget.winId()``; says whether the system agreed. Whether it does as it says the self-check finds out.
Exclude = Callable[[int], bool]


def exclude_from_capture(window: int, platform: str = sys.platform) -> bool:
    """Ask the system to leave the window out of every capture. ``window`` is what ``QWidget.winId`` gives:
    a HWND on Windows, the address of an NSView on macOS."""
    if platform == "win32":
        return exclude_on_windows(window, _user32())
    if platform == "darwin":
        return exclude_on_macos(window, _send_message, _selector)
    return False


def exclude_on_windows(window: int, user32: Any) -> bool:
    """SetWindowDisplayAffinity; false where this Windows is too old for it."""
    return bool(user32.SetWindowDisplayAffinity(window, WDA_EXCLUDEFROMCAPTURE))


def exclude_on_macos(view: int, send: Callable[..., int], selector: Callable[[bytes], int]) -> bool:
    """``[[view window] setSharingType:NSWindowSharingNone]``; false where the view has no window yet."""
    window = send(view, selector(b"window"))
    if not window:
        return False
    send(window, selector(b"setSharingType:"), NS_WINDOW_SHARING_NONE)
    return send(window, selector(b"sharingType")) == NS_WINDOW_SHARING_NONE


def _user32() -> Any:
    library = ctypes.WinDLL("user32", use_last_error=True)  # pyright: ignore[reportAttributeAccessIssue]
    library.SetWindowDisplayAffinity.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    library.SetWindowDisplayAffinity.restype = ctypes.c_int
    return library


def _send_message(receiver: int, selector: int, *arguments: int) -> int:
    """objc_msgSend, with the types of each call: on ARM a variadic call would pass them elsewhere."""
    objc = ctypes.CDLL("/usr/lib/libobjc.A.dylib")
    kinds = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_ulong] * len(arguments)]
    call = ctypes.CFUNCTYPE(ctypes.c_void_p, *kinds)(("objc_msgSend", objc))
    return int(call(receiver, selector, *arguments) or 0)


def _selector(name: bytes) -> int:
    objc = ctypes.CDLL("/usr/lib/libobjc.A.dylib")
    objc.sel_registerName.argtypes, objc.sel_registerName.restype = [ctypes.c_char_p], ctypes.c_void_p
    return int(objc.sel_registerName(name) or 0)
