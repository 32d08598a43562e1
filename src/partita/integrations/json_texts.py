"""Write JSON values as the text that APIs with text members take.

Step Functions does so for every member of an API that is a string: an object becomes its compact
JSON text, a string stays as it is.
"""

from __future__ import annotations

from typing import Any

import msgspec


def json_text(value: Any) -> str:
    """Return the compact JSON text of a value."""
    return msgspec.json.encode(value).decode()


def text_of(value: Any) -> str:
    """Return a string as it is, and the JSON text of any other value.

    >>> text_of("a"), text_of({"a": 1})
    ('a', '{"a":1}')
    """
    return value if isinstance(value, str) else json_text(value)
