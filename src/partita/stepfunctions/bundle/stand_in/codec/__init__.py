"""Stand in for `partita.codec`; a bundle puts the rules of unions beside it."""

from __future__ import annotations

from ..names import absent_names

__getattr__ = absent_names("partita.codec")
