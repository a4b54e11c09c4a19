"""What the picture can show besides boxes: where the model looked, the points of a face, the crops."""
