"""Turn values into payloads and back, by their types. Knows no history and no engine."""

from partita.codec.compression import ZlibCodec
from partita.codec.form import TAG, Form
from partita.codec.forms import form_of
from partita.codec.nesting import NESTING_LIMIT
from partita.codec.payloads import (
    DEFAULT_LIMIT,
    BoundedCodec,
    Codec,
    Converter,
    Reader,
    carry,
    decoder,
    known_form,
    plain_data,
    read_untyped,
    reader_of,
    same,
)
from partita.codec.tagged import ANY

__all__ = [
    "ANY",
    "DEFAULT_LIMIT",
    "NESTING_LIMIT",
    "TAG",
    "BoundedCodec",
    "Codec",
    "Converter",
    "Form",
    "Reader",
    "ZlibCodec",
    "carry",
    "decoder",
    "form_of",
    "known_form",
    "plain_data",
    "read_untyped",
    "reader_of",
    "same",
]
