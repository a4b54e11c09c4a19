"""Scanning a recording that was dropped on the window."""
