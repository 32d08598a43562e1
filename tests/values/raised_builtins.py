"""Functions that raise builtin errors, which keep state outside their `__dict__`."""

from __future__ import annotations

import decimal
import pathlib

from tests.values.raising import kind


@kind
def no_such_file() -> None:
    raise FileNotFoundError(2, "No such file", "orders.csv")


@kind
def two_files() -> None:
    raise OSError(18, "Invalid cross-device link", "a", None, "b")


@kind
def odd_file_names() -> None:
    raise PermissionError(13, "Permission denied", b"\xff\xfe.csv")


@kind
def a_file_name_that_is_no_text() -> None:
    raise IsADirectoryError(21, "Is a directory", "\udcff\udcfe")


@kind
def a_path_as_file_name() -> None:
    raise OSError(5, "Input/output error", pathlib.Path("/data/a"))


@kind
def a_file_descriptor() -> None:
    raise OSError(9, "Bad file descriptor", 4)


@kind
def an_os_error_of_one_argument() -> None:
    raise OSError("disk on fire")


@kind
def blocked() -> None:
    raise BlockingIOError(11, "would block", 42)


@kind
def undecodable() -> None:
    b"caf\xe9".decode("utf-8")


@kind
def unencodable() -> None:
    "\u20ac".encode("latin-1")


@kind
def not_imported() -> None:
    import partita.nothing  # type: ignore[import-not-found]  # noqa: F401


@kind
def no_syntax() -> None:
    compile("a b", "orders.py", "exec")


@kind
def stopped() -> None:
    error = StopIteration((1, 2))
    raise error


@kind
def no_key() -> None:
    held: dict[str, int] = {}
    held["k"]


@kind
def no_attribute() -> None:
    {"a": 1}.nothing  # type: ignore[attr-defined]  # noqa: B018


@kind
def no_name() -> None:
    nothing_of_that_name  # type: ignore[name-defined]  # noqa: B018, F821


@kind
def divided() -> None:
    decimal.Decimal(1) / decimal.Decimal(0)


@kind
def not_unicode() -> None:
    raise ValueError("\ud800")
