r"""Write methods of texts as templates, by name and arguments.

The arguments of a row are letters: `a` and `b` texts, `n` and `m` ints, `l` a list of texts.
U+FFFF, which is no character, marks the end of a text that is compared from its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from partita.compile.types import BOOL, INT, STR, Type, list_of, tuple_of
from partita.compile.values.characters import (
    CASED_SURELY,
    EVERY,
    FOLDED_AS_LOWER,
    LETTERS,
    LINE_ENDS,
    LOWER_LATIN,
    NO_LETTERS,
    NO_PICTURES,
    SPACES,
    UNCASED,
    UPPER_LATIN,
)

_END = '"\\uffff"'
_EACH = f"$match(@s, {EVERY}).match"
_CASE = "the case of a text with characters other than common letters"
_CLASS = "the class of characters that are not common"
_TEXTS = list_of(STR)


@dataclass(frozen=True)
class Row:
    """How a method is lowered, and on what condition it raises an error."""

    template: str
    result: Type = STR
    guard: str | None = None
    error: tuple[str, type, str] | None = None  # condition, class, message


def _cased(template: str, known: str = CASED_SURELY) -> Row:
    return Row(f"($contains({NO_PICTURES}, /[^{known}]/) ? @guard : {template})", STR, _CASE)


def _of_letters(change: str) -> str:
    first, rest = "$uppercase($substring(~m.match, 0, 1))", "$lowercase($substring(~m.match, 1))"
    word = f"[{UPPER_LATIN}{LOWER_LATIN}]"
    change = change.replace("FIRST", first).replace("REST", rest)
    return f"$replace(@s, /{word}+/, function(~m) {{{change}}})"


_SIMPLE_CASE = f"{UNCASED}{UPPER_LATIN}{LOWER_LATIN}"


def _class(known: str, template: str) -> Row:
    return Row(f"($contains({NO_PICTURES}, /[^{known}]/) ? @guard : {template})", BOOL, _CLASS)


_LEFT = f'$replace(@s, /^[{SPACES}]+/, "")'
_RIGHT = f'$replace(@s, /[{SPACES}]+$/, "")'


def _reduced(items: str, change: str) -> str:
    """Return the text of characters of which some are left out at the beginning."""
    drops = '~acc = "" and $contains(@a, ~one)'
    return f'$reduce({items}, function(~acc, ~one) {{{drops} ? "" : {change}}}, "")'


_LSTRIP = _reduced(f"$append([], {_EACH})", "~acc & ~one")
_RSTRIP = _reduced(f"$reverse($append([], {_EACH}))", "~one & ~acc")
_STRIP = (
    f"(~left := {_LSTRIP}; "
    + _reduced(f"$reverse($append([], $match(~left, {EVERY}).match))", "~one & ~acc").replace(
        "~acc", "~begun"
    )
    + ")"
)
_NO_SEPARATOR = ('@a != ""', ValueError, "empty separator")
_PARTS = '(@s = "" ? [""] : $append([], $split(@s, @a)))'
_WORDS = f"$append([], $match(@s, /[^{SPACES}]+/).match)"


def _mirrored(text: str) -> str:
    return f"$join($reverse($append([], $match({text}, {EVERY}).match)))"


_BACK = f"~back := {_mirrored('@s')}; ~mark := {_mirrored('@a')}"
_BACK_PARTS = '~all := @s = "" ? [""] : $append([], $split(~back, ~mark))'
_FEW = (
    "~count := $count(~all); @n < 0 or ~count <= @n + 1 ? ~all : "
    "$append($append([], $filter(~all, function(~v, ~i) {~i < @n})), "
    "$join($append([], $filter(~all, function(~w, ~j) {~j >= @n})), SEPARATOR))"
)
_SPLIT_FEW = f"(~all := {_PARTS}; {_FEW.replace('SEPARATOR', '@a')})"
_RSPLIT_FEW = (
    f"({_BACK}; {_BACK_PARTS}; ~few := ({_FEW.replace('SEPARATOR', '~mark')}); "
    f"$append([], $map($reverse(~few), function(~part) {{{_mirrored('~part')}}})))"
)
_STEPS = "[1..$min([@n, $length(@s)])]"


def _few_words(first: str, rest: str, begin: str) -> str:
    """Return a template that takes words from one end, at most @n, and keeps what is left."""
    taken = (
        f'$reduce({_STEPS}, function(~acc, ~step) {{~acc.rest = "" ? ~acc : '
        f'{{"words": $append(~acc.words, $match(~acc.rest, {first}).match), '
        f'"rest": $replace(~acc.rest, {rest}, "")}}}}, {{"words": [], "rest": {begin}}})'
    )
    return (
        f"(@n < 0 ? {_WORDS} : (~found := {taken}; "
        f'~found.rest = "" ? $append([], ~found.words) : $append(~found.words, ~found.rest)))'
    )


_SPLIT_WORDS = _few_words(f"/^[^{SPACES}]+/", f"/^[^{SPACES}]+[{SPACES}]*/", _LEFT)
_RSPLIT_WORDS = _few_words(f"/[^{SPACES}]+$/", f"/[{SPACES}]*[^{SPACES}]+$/", _RIGHT)
_RSPLIT_WORDS = _RSPLIT_WORDS.replace(
    '~found.rest = "" ? $append([], ~found.words)',
    '~found.rest = "" ? $reverse($append([], ~found.words))',
).replace("$append(~found.words, ~found.rest)", "$reverse($append(~found.words, ~found.rest))")

_STARTS = '(@a = "" ? true : $contains(@s, @a) ? $substringBefore(@s, @a) = "" : false)'
_ENDS = f"$contains(@s & {_END}, @a & {_END})"
_FIND = "($contains(@s, @a) ? $length($substringBefore(@s, @a)) : -1)"
_RFIND = (
    f"($contains(@s, @a) ? ({_BACK}; "
    "$length(@s) - $length(@a) - $length($substringBefore(~back, ~mark))) : -1)"
)
_FOUND = ("$contains(@s, @a)", ValueError, "substring not found")
_REPLACE = (
    '(@a = "" ? @b & $join($append([], $map($append([], EACH), function(~v) {~v & @b}))) : '
    '@s = "" ? "" : $join($append([], $split(@s, @a)), @b))'
).replace("EACH", _EACH)
_REPLACE_FEW = (
    f'(~all := @a = "" ? $append([], {_EACH}) : {_PARTS}; ~size := $count(~all); '
    '~most := @a = "" ? ~size + 1 : ~size - 1; ~few := @n < 0 or @n > ~most ? ~most : @n; '
    '@a = "" ? $reduce(~all, function(~acc, ~v, ~i) {~acc & (~i < ~few ? @b : "") & ~v}, "") '
    '& (~few > ~size ? @b : "") : $reduce(~all, function(~sum, ~w, ~j) '
    '{~j = 0 ? ~w : ~sum & (~j <= ~few ? @b : @a) & ~w}, ""))'
)
_WIDER = "~more := @n - $length(@s)"
_FILLED = '(~more > 0 ? $pad("", ~more, FILL) : "")'


def _padded(template: str, fill_text: str) -> str:
    return f"({_WIDER}; {template.replace('FILLED', _FILLED.replace('FILL', fill_text))})"


_CENTER = (
    f"({_WIDER}; ~before := ~more > 0 ? $floor(~more / 2) + (~more % 2 = 1 and @n % 2 = 1 ? 1 : 0) "
    ": 0; ~after := ~more - ~before; "
    '(~before > 0 ? $pad("", ~before, FILL) : "") & @s & '
    '(~after > 0 ? $pad("", ~after, FILL) : ""))'
)
_ONE_FILL = ("$length(@a) = 1", TypeError, "The fill character must be exactly one character long")
_ZFILL = (
    f"({_WIDER}; ~more <= 0 ? @s : $contains(@s, /^[+-]/) ? "
    '$substring(@s, 0, 1) & $pad("", ~more, "0") & $substring(@s, 1) : '
    '$pad("", ~more, "0") & @s)'
)
_LINES = (
    f'(~all := $append([], $split($replace(@s, /\\r\\n|[{LINE_ENDS}]/, "\\n"), "\\n")); '
    '@s = "" ? [] : $append([], $filter(~all, function(~v, ~i) '
    '{~i < $count(~all) - 1 or ~v != ""})))'
)
_KEPT_LINES = (
    f"$append([], $match(@s, /[^{LINE_ENDS}]*(\\r\\n|[{LINE_ENDS}])|[^{LINE_ENDS}]+/).match)"
)
_SWAPPED = (
    f"$replace(@s, /[{UPPER_LATIN}{LOWER_LATIN}]/, function(~m) {{$contains(~m.match, "
    f"/[{UPPER_LATIN}]/) ? $lowercase(~m.match) : $uppercase(~m.match)}})"
)
_CAPITALIZED = (
    f"(~low := $lowercase(@s); $contains(~low, /^[{LOWER_LATIN}]/) ? "
    "$uppercase($substring(~low, 0, 1)) & $substring(~low, 1) : ~low)"
)
_PARTITION = (
    '($contains(@s, @a) ? [$substringBefore(@s, @a), @a, $substringAfter(@s, @a)] : [@s, "", ""])'
)
_RPARTITION = (
    f"($contains(@s, @a) ? ({_BACK}; [{_mirrored('$substringAfter(~back, ~mark)')}, @a, "
    f'{_mirrored("$substringBefore(~back, ~mark)")}]) : ["", "", @s])'
)
_THREE = tuple_of(STR, STR, STR)


def _only(members: str) -> str:
    return f'(@s != "" and $not($contains(@s, /[^{members}]/)))'


def _is_cased(yes: str, no: str) -> str:
    return f"($contains(@s, /[{yes}]/) and $not($contains(@s, /[{no}]/)))"


_LETTERS_KNOWN = LETTERS + NO_LETTERS
METHODS: dict[tuple[str, str], Row] = {
    ("upper", ""): _cased("$uppercase(@s)"),
    ("lower", ""): _cased("$lowercase(@s)"),
    ("casefold", ""): _cased("$lowercase(@s)", rf"{UNCASED}A-Za-z{FOLDED_AS_LOWER}"),
    ("title", ""): _cased(_of_letters("FIRST & REST"), _SIMPLE_CASE),
    ("capitalize", ""): _cased(_CAPITALIZED, _SIMPLE_CASE),
    ("swapcase", ""): _cased(_SWAPPED, _SIMPLE_CASE),
    ("strip", ""): Row(f'$replace($replace(@s, /^[{SPACES}]+/, ""), /[{SPACES}]+$/, "")'),
    ("lstrip", ""): Row(_LEFT),
    ("rstrip", ""): Row(_RIGHT),
    ("strip", "a"): Row(_STRIP),
    ("lstrip", "a"): Row(_LSTRIP),
    ("rstrip", "a"): Row(_RSTRIP),
    ("split", ""): Row(_WORDS, _TEXTS),
    ("rsplit", ""): Row(_WORDS, _TEXTS),
    ("split", "n"): Row(_SPLIT_WORDS, _TEXTS),
    ("rsplit", "n"): Row(_RSPLIT_WORDS, _TEXTS),
    ("split", "a"): Row(_PARTS, _TEXTS, error=_NO_SEPARATOR),
    ("rsplit", "a"): Row(_RSPLIT_FEW.replace("@n", "(-1)"), _TEXTS, error=_NO_SEPARATOR),
    ("split", "an"): Row(_SPLIT_FEW, _TEXTS, error=_NO_SEPARATOR),
    ("rsplit", "an"): Row(_RSPLIT_FEW, _TEXTS, error=_NO_SEPARATOR),
    ("splitlines", ""): Row(_LINES, _TEXTS),
    ("splitlines keepends", ""): Row(_KEPT_LINES, _TEXTS),
    ("partition", "a"): Row(_PARTITION, _THREE, error=_NO_SEPARATOR),
    ("rpartition", "a"): Row(_RPARTITION, _THREE, error=_NO_SEPARATOR),
    ("join", "l"): Row("$join(@l, @s)"),
    ("replace", "ab"): Row(_REPLACE),
    ("replace", "abn"): Row(_REPLACE_FEW),
    ("startswith", "a"): Row(_STARTS, BOOL),
    ("endswith", "a"): Row(_ENDS, BOOL),
    ("removeprefix", "a"): Row(
        f'(@a != "" and {_STARTS} ? $substringAfter({_END} & @s, {_END} & @a) : @s)'
    ),
    ("removesuffix", "a"): Row(
        f'(@a != "" and {_ENDS} ? $substringBefore(@s & {_END}, @a & {_END}) : @s)'
    ),
    ("find", "a"): Row(_FIND, INT),
    ("rfind", "a"): Row(_RFIND, INT),
    ("index", "a"): Row(_FIND, INT, error=_FOUND),
    ("rindex", "a"): Row(_RFIND, INT, error=_FOUND),
    ("count", "a"): Row(
        '(@a = "" ? $length(@s) + 1 : @s = "" ? 0 : $count($append([], $split(@s, @a))) - 1)', INT
    ),
    ("zfill", "n"): Row(_ZFILL),
    ("ljust", "n"): Row(_padded("@s & FILLED", '" "')),
    ("rjust", "n"): Row(_padded("FILLED & @s", '" "')),
    ("center", "n"): Row(_CENTER.replace("FILL", '" "')),
    ("ljust", "na"): Row(_padded("@s & FILLED", "@a"), error=_ONE_FILL),
    ("rjust", "na"): Row(_padded("FILLED & @s", "@a"), error=_ONE_FILL),
    ("center", "na"): Row(_CENTER.replace("FILL", "@a"), error=_ONE_FILL),
    ("isascii", ""): Row("$not($contains(@s, /[^\\u0000-\\u007f]/))", BOOL),
    ("isspace", ""): Row(_only(SPACES), BOOL),
    ("isdigit", ""): _class("\\u0000-\\u007f" + LETTERS, _only("0-9")),
    ("isdecimal", ""): _class(_LETTERS_KNOWN, _only("0-9")),
    ("isnumeric", ""): _class("\\u0000-\\u007f", _only("0-9")),
    ("isalpha", ""): _class(_LETTERS_KNOWN, _only(LETTERS)),
    ("isalnum", ""): _class("\\u0000-\\u007f" + LETTERS, _only(f"0-9{LETTERS}")),
    ("isidentifier", ""): _class(
        "\\u0000-\\u007f", "($contains(@s, /^[A-Za-z_]/) and $not($contains(@s, /[^A-Za-z0-9_]/)))"
    ),
    ("isupper", ""): _class(
        _SIMPLE_CASE + "\\u00df", _is_cased(UPPER_LATIN, LOWER_LATIN + "\\u00df")
    ),
    ("islower", ""): _class(
        _SIMPLE_CASE + "\\u00df", _is_cased(LOWER_LATIN + "\\u00df", UPPER_LATIN)
    ),
}
KEYWORDS = {"split": ("sep", "maxsplit"), "rsplit": ("sep", "maxsplit")}
NAMES = frozenset(name for name, _ in METHODS)
