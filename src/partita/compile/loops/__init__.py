"""Loops and comprehensions.

Comprehensions that begin work for each item are in `concurrency.comprehensions`.
"""
