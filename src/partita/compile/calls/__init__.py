"""Calls: of activities, of AWS's services, and of all that other packages lower.

`dispatch` asks each in turn; `refused_functions` says why a function is not compiled.
"""
