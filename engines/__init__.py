"""What runs a model: one file per runtime behind one small protocol, and the detector package format."""
