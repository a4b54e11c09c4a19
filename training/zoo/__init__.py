"""The zoo: every network the project can train, one small recipe file each."""
