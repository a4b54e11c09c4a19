"""What a person takes away from the window: a recording, a snapshot, a report."""
