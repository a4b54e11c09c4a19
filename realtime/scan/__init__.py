"""Looking through recordings: the live monitor's own parts, run one frame after another, and a report."""
