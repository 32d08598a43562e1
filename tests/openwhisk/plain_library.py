"""What the workflows of `plain_programs` use of another module."""

# ruff: noqa
# mypy: ignore-errors
from partita import activity

FACTOR = 3
TABLE = {"x": 1}


class LibError(Exception):
    def __init__(self, code, why="?"):
        super().__init__(code, why)
        self.code = code
        self.why = why

    def __str__(self):
        return f"{self.code}/{self.why}"


@activity
def triple(n: int) -> int:
    return n * FACTOR


@activity
def boom(code: int) -> None:
    raise LibError(code, why="because")


def scaled(n):
    return n * FACTOR
