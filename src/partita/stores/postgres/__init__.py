"""Keep executions in a schema of a PostgreSQL database."""
