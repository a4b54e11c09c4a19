"""Where a trained network looked: shown, and never called evidence."""
