"""Identities that last: motion, association, appearance, and the tracker that puts them together."""
