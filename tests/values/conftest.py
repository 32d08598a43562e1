"""Fixtures of the language's tests: a workflow does the same on every stage."""

from tests.language.conftest import clocked, deviation, stage

__all__ = ["clocked", "deviation", "stage"]
