"""Describe a text: a file of pyawssfn, which compiles to a state machine as it is.

partita run examples/pysfn/analyse_text.py --input '{"locals": {"text": "a short example"}}'
partita pysfn compile examples/pysfn/analyse_text.py LAMBDA-ARN
partita pysfn gen-lambda examples/pysfn/analyse_text.py lambda-function.zip
"""

import pysfn as PSF

VOWELS = "aeiou"


class EmptyTextError(Exception):
    """A text without a character has no first letter."""


def describe_start(text):
    if not text:
        raise EmptyTextError("no character")
    return {"letter": text[0]}


def add_length(text, start):
    return {**start, "length": len(text)}


def count_vowels(text):
    return sum(1 for letter in text if letter in VOWELS)


def count_spaces(text):
    return text.count(" ")


def sentence(start, counts):
    vowels, spaces = counts
    return (
        f"text starts with {start['letter']}, has {start['length']} chars, "
        f"{vowels} vowels, and {spaces} spaces"
    )


def short_sentence(start):
    return f"text starts with {start['letter']}"


@PSF.main
def analyse(text):
    """Tell how a text starts; of some texts also how long it is and what is in it."""
    try:
        start = describe_start(text)
    except EmptyTextError:
        raise PSF.Fail("UnusableText", "there is no text")
    if PSF.StringEquals(start["letter"], "a") or PSF.StringEquals(start["letter"], "b"):
        start = PSF.with_retry_spec(add_length, (text, start), (["States.ALL"], 1, 2, 1.5))

        def vowels():
            found = count_vowels(text)
            return found

        def spaces():
            found = count_spaces(text)
            return found

        counts = PSF.parallel(vowels, spaces)
        result = sentence(start, counts)
    elif PSF.StringEquals(start["letter"], "c"):
        result = short_sentence(start)
    else:
        raise PSF.Fail("UnusableText", "it starts with another letter than a, b and c")
    return result
