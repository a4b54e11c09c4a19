"""What ``unmask doctor`` looks at: one file for each group of checks, gathered in ``examine``."""
