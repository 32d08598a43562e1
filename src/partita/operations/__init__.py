"""Look after a database: prune and archive closed executions, check, mend, keep copies."""
