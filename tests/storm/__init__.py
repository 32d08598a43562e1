"""A random load over engines whose rare mechanisms are forced on; `python -m tests.storm`."""
