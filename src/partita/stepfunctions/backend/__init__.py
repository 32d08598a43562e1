"""Step Functions as a backend of client commands: start, result, show, history, list."""
