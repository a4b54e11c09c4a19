"""Experiments on what carries over from training to live face swaps; ``training/EXPERIMENTS.md`` tells what came out."""
