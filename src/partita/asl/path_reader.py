"""Read the characters of a JSONPath: names, quoted names, integers."""

from __future__ import annotations

from collections.abc import Collection

_ENDS_NAME = frozenset(".[]()'\" \t\n,=<>!&|?*:;{}")


class PathSyntaxError(ValueError):
    """A text is not a path."""


class PathMissingError(Exception):
    """A definite path leads to nothing; the message is Jayway's."""

    def __init__(self, message: str, *, is_index: bool = False) -> None:
        super().__init__(message)
        self.is_index = is_index  # the last step is an index past the end of an array


class PathReader:
    """A position in the text of a path."""

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = position

    @property
    def at_end(self) -> bool:
        """Whether all is read."""
        return self.position >= len(self.text)

    @property
    def peek(self) -> str:
        """The next character; a NUL at the end."""
        return "\0" if self.at_end else self.text[self.position]

    def take(self, token: str) -> bool:
        """Skip a token if it is next; return whether it was."""
        found = self.text.startswith(token, self.position)
        if found:
            self.position += len(token)
        return found

    def expect(self, token: str) -> None:
        """Skip a token, which must be next."""
        if not self.take(token):
            raise self.fault(f"expected '{token}'")

    def spaces(self) -> None:
        """Skip white space."""
        while not self.at_end and self.text[self.position].isspace():
            self.position += 1

    def name(self) -> str:
        """Read a name after a dot."""
        start = self.position
        while not self.at_end and self.text[self.position] not in _ENDS_NAME:
            self.position += 1
        if self.position == start:
            raise self.fault("expected a name")
        return self.text[start : self.position]

    def quoted(self) -> str:
        """Read a text in single or double quotes, with backslashes before quotes."""
        quote = self.peek
        self.position += 1
        read: list[str] = []
        while self.peek != quote:
            if self.at_end:
                raise self.fault("a quote is not closed")
            if self.peek == "\\" and self.position + 1 < len(self.text):
                self.position += 1
            read.append(self.text[self.position])
            self.position += 1
        self.position += 1
        return "".join(read)

    def quoted_names(self) -> tuple[str, ...]:
        """Read one or more names in quotes, separated by commas."""
        names = [self.quoted()]
        self.spaces()
        while self.take(","):
            self.spaces()
            if self.peek not in "'\"":
                raise self.fault("expected a name in quotes")
            names.append(self.quoted())
            self.spaces()
        return tuple(names)

    def integer(self) -> int | None:
        """Read an integer if one is next."""
        start = self.position
        self.take("-")
        while self.peek.isdigit():
            self.position += 1
        digits = self.text[start : self.position]
        if digits in ("", "-"):
            self.position = start
            return None
        return int(digits)

    def needed_integer(self) -> int:
        """Read an integer, which must be next."""
        found = self.integer()
        if found is None:
            raise self.fault("expected an integer")
        return found

    def function_name(self, known: Collection[str]) -> str | None:
        """Read `.name()` if it is one of the functions that are known."""
        for name in known:
            if self.take(f".{name}()"):
                return name
        return None

    def fault(self, problem: str) -> PathSyntaxError:
        """Return an error that says where in the text the problem is."""
        return PathSyntaxError(f"{self.text!r}: {problem} at character {self.position + 1}")
