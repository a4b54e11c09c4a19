"""The networks of the zoo behind one interface: see ``base``."""
