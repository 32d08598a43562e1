r"""Name the classes of characters that methods of texts look for, as in regular expressions.

Only what Java, Rust and Python agree on: neither `\s` nor `\w`. JSONata counts brackets that are
not escaped, also in classes: they are written by their numbers.

Source: Python's `str.isspace`, `str.isprintable`, `str.upper` and `str.isalpha` of the characters,
by Unicode 14 and later.
"""

from __future__ import annotations

SPACES = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
LINE_ENDS = r"\u000a-\u000d\u001c-\u001e\u0085\u2028\u2029"

_SIGNS = r"\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2190-\u23f3\u2500-\u27bf"
_WORDS = r"\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fd5\uac00-\ud7a3"
_CJK = rf"\u3001-\u3029{_WORDS}"
_LATIN = r"\u00a1-\u00ac\u00ae-\u0377\u0384-\u038a\u038e-\u03a1\u03a3-\u052f"
_MARKS = r"\u200d\ufe0f"

PRINTABLE = rf" -~{_LATIN}{_SIGNS}{_CJK}"
"""Characters that `repr` shows as they are."""

CASED_SURELY = (
    rf"\u0000-\u0130\u0132-\u0148\u014a-\u017e\u0386\u0388-\u038a\u038c\u038e\u038f\u0391-\u03a1"
    rf"\u03a4-\u03ab\u03ad-\u03af\u03b1-\u03c1\u03c3-\u03cf\u0400-\u0481\u048a-\u04ff"
    rf"{_SIGNS}\u3000{_CJK}{_MARKS}\u0300-\u0344\u0346-\u036f"
)
"""Characters whose cases are the same everywhere, in whatever text."""

_NO_LATIN = r"\u0000-@\u005b-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7"
UNCASED = rf"{_NO_LATIN}{_SIGNS}\u3000{_CJK}{_MARKS}"
"""Characters that are no letters of upper or lower case."""

FOLDED_AS_LOWER = (
    r"\u00c0-\u00d6\u00d8-\u00de\u00e0-\u00f6\u00f8-\u012f\u0132-\u0148\u014a-\u017e\u0400-\u0481"
)
"""Letters whose `casefold` is their `lower`, beyond those of ASCII."""

UPPER_LATIN = r"A-Z\u00c0-\u00d6\u00d8-\u00de"
LOWER_LATIN = r"a-z\u00e0-\u00f6\u00f8-\u00fe"
LETTERS = (
    rf"{UPPER_LATIN}{LOWER_LATIN}\u00aa\u00b5\u00ba\u00df\u00ff-\u02c1\u0391-\u03a1\u03a3-\u03cf"
    rf"\u0400-\u0481{_WORDS}"
)
NO_LETTERS = rf"{_NO_LATIN}{_SIGNS}{_MARKS}\u0300-\u036f\u3000-\u3004"
_PICTURES = (
    "%F0%9F%(8[C-F]%..|9[0-8]%..|99%8.|9A%..|9B%8[0-5]|A4%[9AB].|A5%([89].|A[0-9AB]))"  # in UTF-8
)
NO_PICTURES = f'$decodeUrlComponent($replace($encodeUrlComponent(@s), /{_PICTURES}/, ""))'
"""A text without U+1F300-1F64F, 1F680-1F6C5 and 1F910-1F96B, which all classes above may have.

Regular expressions cannot name them: those of JavaScript see two halves, those of Java one
character.
"""
EVERY = r"/[\d\D]/"
"""The expression that matches each character."""
