"""Classes of the program: instances, their members, and enums that are called.

How enums are kept is in `values.enumerations`, special methods are in `values.special_methods`.
"""
