"""Earlier sessions and scans in the window: recorded where the person wants it, looked through, deleted."""
