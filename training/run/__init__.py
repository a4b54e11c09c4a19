"""One training run: its data, its folder, its records."""
