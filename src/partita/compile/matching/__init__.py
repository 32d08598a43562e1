"""Match statements and their patterns."""
