"""Takes the pictures of one state, in this process and on the display that it is started on: ``take.py NAME``."""

from __future__ import annotations

import sys

from states import STATES
from window_driver import drive, settle

from unmask.gui.settings.store import settings_path

_PATIENCE_S = 60.0

if __name__ == "__main__":
    state = STATES[sys.argv[1]]
    # A desktop without a tray would have the window say so.
    settle({"monitor/detector": "./stand-in", "alerts/notify": False, "monitor/engine": "ort-cpu", **state.settings})
    if state.broken:
        settings_path().write_text("what somebody else wrote here\n")
    # 0: all went well; 2: a source failed, as it was meant to. What goes wrong in the script is raised.
    sys.exit(0 if drive(state.arguments, state.script, _PATIENCE_S) in state.ends else 1)
