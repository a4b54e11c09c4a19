"""Readers of data sets, caches of crops, and what is done to a crop before it is learnt from."""
