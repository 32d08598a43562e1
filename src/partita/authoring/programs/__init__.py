"""Run programs, and functions in other Python interpreters, as activities."""
