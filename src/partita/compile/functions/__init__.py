"""Functions of the program: their code takes the place of the call.

Functions as values are in `values.closures`.
"""
