"""Traces, metrics, logs and health, as those see them who operate workers."""
