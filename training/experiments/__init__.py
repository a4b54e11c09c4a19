"""Experiments on what carries over from training to live face swaps: see ``training/EXPERIMENTS.md``."""
