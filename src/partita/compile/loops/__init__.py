"""Loops and comprehensions, and the rounds that they make.

Comprehensions that begin work for each item are in `concurrency.comprehensions`.
"""
