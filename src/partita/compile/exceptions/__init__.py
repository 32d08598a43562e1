"""Exceptions: try and raise, what makes exceptions, and their attributes.

The names by which state machines know classes of exceptions are in `names.exceptions`.
"""
