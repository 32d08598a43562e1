"""Keep what is known of the statements around a point: loops, handlers, `try` and `finally`.

Knows no syntax, and no functions around its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from partita.compile.types import join
from partita.compile.variables import Variable, Variables


@dataclass
class Loop:
    """What is known where a loop is left or begins anew."""

    breaks: list[Variables] = field(default_factory=list)
    continues: list[Variables] = field(default_factory=list)


@dataclass
class Enclosing:
    """The statements around a point of a function."""

    loops: list[Loop] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)  # variables of the errors being handled
    finals: int = 0  # finally blocks that run before a return takes effect
    tries: list[Variables] = field(default_factory=list)  # variables at any point of `try` bodies
    rounds: int = 0  # loops and comprehensions around, also of callers

    def note(self, name: str, variable: Variable) -> None:
        """Note for the handlers around that a variable may have a value that is assigned."""
        for seen in self.tries:
            for path in [one for one in seen if one.startswith(f"{name}.")]:
                del seen[path]
            before = seen.get(name)
            known = before is not None and before.is_sure and variable.is_sure
            joined = variable.type if before is None else join(before.type, variable.type)
            seen[name] = Variable(joined, variable.text, known)
