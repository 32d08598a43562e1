"""Operators: arithmetic, comparisons, and conditions with what they tell of types.

`dispatch` chooses by the types of the operands; `comparisons` has `equality`, `order` and
`membership` compare.
"""
