"""What is asked of Windows and macOS; neither is here, so the calls are looked at."""

from __future__ import annotations

import sys

import pytest

from unmask.gui.overlay import exclusion


class User32:
    def __init__(self, agrees):
        self.agrees, self.asked = agrees, []

    def SetWindowDisplayAffinity(self, window, affinity):
        self.asked.append((window, affinity))
        return int(self.agrees)


@pytest.mark.parametrize("agrees", [True, False])
def test_windows_is_asked_for_exclusion_and_nothing_less(agrees):
    user32 = User32(agrees)
    assert exclusion.exclude_on_windows(0xABC, user32) is agrees
    assert user32.asked == [(0xABC, 0x11)]


class ObjC:
    """Answers messages as an NSView and its NSWindow do."""

    def __init__(self, window=7, obeys=True):
        self.window, self.obeys, self.sharing, self.asked = window, obeys, 1, []

    def send(self, receiver, selector, *arguments):
        self.asked.append((receiver, selector, *arguments))
        if selector == b"window":
            return self.window
        if selector == b"setSharingType:" and self.obeys:
            (self.sharing,) = arguments
        return self.sharing if selector == b"sharingType" else 0


def selector(name):
    return name


def test_macos_shares_the_window_with_nobody():
    objc = ObjC()
    assert exclusion.exclude_on_macos(3, objc.send, selector)
    assert objc.asked == [(3, b"window"), (7, b"setSharingType:", 0), (7, b"sharingType")]


def test_macos_may_not_obey_or_have_no_window():
    assert not exclusion.exclude_on_macos(3, ObjC(obeys=False).send, selector)
    assert not exclusion.exclude_on_macos(3, ObjC(window=0).send, selector)


def test_x11_and_wayland_have_no_such_call():
    assert not exclusion.exclude_from_capture(1, "linux")


@pytest.mark.skipif(sys.platform != "win32", reason="needs Windows")
def test_windows_itself_agrees_or_refuses_an_invalid_window():
    assert not exclusion.exclude_from_capture(0)
