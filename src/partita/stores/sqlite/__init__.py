"""Keep executions in a SQLite file."""
