"""Match statements and their patterns.

`statements` makes choices of cases, `patterns` conditions of patterns.
"""
