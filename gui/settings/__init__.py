"""What a person can set: one table, the file that keeps it, the dialog drawn from it."""
