"""How detectors are made: architectures, data, self-blending, training loop, evaluation."""
