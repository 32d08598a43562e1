"""Python as a decider: replay a workflow function against its history."""
