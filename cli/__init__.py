"""The ``unmask`` command: one file per subcommand, no logic of its own."""
