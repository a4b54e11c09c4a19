"""What was said of each face over time, and the pictures of alarms. Only ``plot.py`` and below load pyqtgraph."""
