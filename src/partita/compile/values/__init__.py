"""How values of each kind are kept as JSON, and what the machine can tell of them when it runs.

One module for each kind (`enumerations`, `moments`, `sets`, `sequences`, `closures` for functions)
and for each question about types (`dynamic`, `hints`, `tags`, `type_tests`). Knows no operators
and no statements.
"""
