"""The desktop window and overlay (PyQt6). Only ``unmask.gui.qt`` imports Qt's modules."""
