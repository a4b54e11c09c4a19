"""What is drawn over the desktop: marks at the faces of a watched part of the screen, and the pill."""
