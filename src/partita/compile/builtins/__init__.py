"""Functions that Python has without an import: `len`, `sum`, `sorted`, `int` and the like.

`table` names what lowers each. Functions of the standard library are in `library`.
"""
