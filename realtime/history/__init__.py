"""What was watched and scanned, kept in one SQLite file in the user's data folder; nothing leaves the machine."""
