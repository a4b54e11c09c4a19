"""Whole pages of words and choices: first run, detector, privacy, keyboard, about."""
