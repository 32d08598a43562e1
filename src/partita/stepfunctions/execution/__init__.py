"""Executions of state machines: how they begin, run, and what AWS's history of them would be."""
