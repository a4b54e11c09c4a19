"""What happens to a frame: sources, capture, faces, window, scoring, verdict, session, sinks."""
