"""Where updates go: terminal, JSON lines, annotated video. The window is another (``unmask.gui``)."""
