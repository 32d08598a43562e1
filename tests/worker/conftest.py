"""The stages of the language's tests, and the one whose worker is polled."""

from tests.deciders.conftest import clocked, stage

__all__ = ["clocked", "stage"]
