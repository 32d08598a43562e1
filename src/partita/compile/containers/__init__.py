"""Lists, tuples and dicts: displays, indices and slices, unpacking, and changes in place.

A state machine copies values: a change in place gives the whole variable a new value (`places`).
"""
