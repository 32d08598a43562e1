"""Describe executions for people, as pure functions of histories and records."""
