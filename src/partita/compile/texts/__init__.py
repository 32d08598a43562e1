"""The texts of values, as `str`, `repr`, `format`, `%` and f-strings write them.

Methods of texts are in `methods`.
"""
