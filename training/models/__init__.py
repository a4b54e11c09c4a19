"""Architectures, in plain PyTorch."""
