"""What names of a program stand for: objects of loaded modules, callees, classes of exceptions.

Lowers nothing: `calls` and `exceptions` do.
"""
