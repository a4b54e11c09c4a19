"""Training on twins: a real crop beside the fakes that were made from the same video."""
