"""Finding faces and cutting them out. Training uses this very code: another crop would give another score."""
