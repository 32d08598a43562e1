"""The structured tree of a compiled workflow.

Expressions are JSONata over the variables of the program. Every node has the row of its source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from partita.compile.types import Type


@dataclass(frozen=True)
class Value:
    """An expression without effects that always has a value."""

    text: str
    type: Type
    is_atom: bool = True  # it can be an operand as it is
    depth: int = 1
    constant: Any = None
    is_constant: bool = False
    is_guarded: bool = False  # evaluating it may end the execution
    floating: Any = field(
        default=None, compare=False
    )  # whether a number is a float; `number_kinds`

    @property
    def atom(self) -> str:
        """Its text as an operand."""
        return self.text if self.is_atom else f"({self.text})"


@dataclass(frozen=True)
class Let:
    """Assign variables, all at once."""

    row: int
    values: dict[str, Value]


@dataclass(frozen=True)
class Call:
    """Call an activity with named arguments; assign its result, if a variable is given."""

    row: int
    activity: Any  # ActivityDefinition, WorkflowSpec, LambdaSpec or SignalWait
    arguments: dict[str, Value]
    variable: str | None
    limit: int | None = None  # seconds after which its caller no longer waits

    @property
    def name(self) -> str:
        """The name of what is called."""
        kind = getattr(self.activity, "activity_type", None)
        kind = kind or getattr(self.activity, "workflow_type", self.activity)
        return str(kind.name)


@dataclass(frozen=True)
class SignalWait:
    """What a call waits for that is no work of the workflow: a signal."""

    signal: Any  # Signal
    seconds: Value | None  # how long it waits, at most

    @property
    def name(self) -> str:
        """The signal's name."""
        return str(self.signal.name)


@dataclass(frozen=True)
class Branch:
    """Code that ends by `Return` and runs beside other code.

    Its outcome is `{"value": ...}`, or `{"error": ...}` if it raises.
    """

    row: int
    name: str
    body: list[Node]
    variable: str  # which the outcome is assigned to
    error: str  # the variable with the error that is raised

    @property
    def call(self) -> Call | None:
        """The call that is all that the branch does."""
        first, last = self.body[0], self.body[-1]
        if len(self.body) == 2 and isinstance(first, Call) and isinstance(last, Return):
            return first if last.value.text == f"${first.variable}" else None
        return None


@dataclass(frozen=True)
class Parallel:
    """Run branches at the same time; assign their outcomes."""

    row: int
    branches: list[Branch]


@dataclass(frozen=True)
class ItemSource:
    """Where a data set is, and how it is read."""

    resource: str
    config: dict[str, Value]
    arguments: dict[str, Value]
    error: Value  # which is raised if it cannot be read


@dataclass(frozen=True)
class ResultFiles:
    """Where results are written."""

    arguments: dict[str, Value]
    error: Value  # which is raised if a branch fails, or they cannot be written


@dataclass(frozen=True)
class Map:
    """Run a branch for each item at the same time; assign the list of outcomes.

    If it is sequential, the first error ends it.
    """

    row: int
    items: Value
    item: str  # the variable of the item
    branch: Branch
    concurrency: Value | None = None  # how many run at a time at most
    is_distributed: bool = False  # each item in an execution of its own
    batch: int | None = None  # each branch is given a list of up to so many items
    source: ItemSource | None = None  # where the items are read, instead of `items`
    files: ResultFiles | None = None  # the variable is where their manifest is
    is_sequential: bool = False  # one after the other; the variable is the list of results


@dataclass(frozen=True)
class Check:
    """Raise an error unless a condition holds."""

    row: int
    condition: Value
    error: Value
    first: tuple[Node, ...] = ()  # what runs to its end before the error is raised


@dataclass(frozen=True)
class If:
    """Choose."""

    row: int
    test: Value
    body: list[Node]
    orelse: list[Node]


@dataclass(frozen=True)
class Loop:
    """Run `head` and test; while it holds, run `body`; when it does not, `orelse`."""

    row: int
    head: list[Node]
    test: Value
    body: list[Node]
    orelse: list[Node]


@dataclass(frozen=True)
class Handler:
    """Handle errors of some names; None: of all."""

    row: int
    names: tuple[str, ...] | None  # of all classes handled that the module reaches
    classes: tuple[str, ...]  # that the source names
    body: list[Node]


@dataclass(frozen=True)
class Try:
    """Handle errors of `body`; the error caught is in `variable`."""

    row: int
    body: list[Node]
    handlers: list[Handler]
    orelse: list[Node]
    final: list[Node]
    variable: str
    exit: str  # the variable with what `final` goes on with
    returned: str  # the variable with what is returned meanwhile


@dataclass(frozen=True)
class Raise:
    """Raise an error: an object with type, message, args and attributes."""

    row: int
    error: Value


@dataclass(frozen=True)
class Return:
    """End the workflow with a result."""

    row: int
    value: Value


@dataclass(frozen=True)
class Break:
    """Leave the innermost loop."""

    row: int


@dataclass(frozen=True)
class Continue:
    """Begin the innermost loop's next round."""

    row: int


@dataclass(frozen=True)
class Inlined:
    """Run a function's code; a return in it assigns the variable, and goes on after the code."""

    row: int
    body: list[Node]
    variable: str


@dataclass(frozen=True)
class Sleep:
    """Wait for seconds."""

    row: int
    seconds: Value


Node: TypeAlias = (
    Let
    | Call
    | Parallel
    | Map
    | Check
    | If
    | Loop
    | Try
    | Raise
    | Return
    | Break
    | Continue
    | Inlined
    | Sleep
)


def nested(node: Node) -> list[Node]:
    """Return the nodes of a node's own blocks, but not of its branches."""
    match node:
        case If():
            return [*node.body, *node.orelse]
        case Loop():
            return [*node.head, *node.body, *node.orelse]
        case Try():
            handled = [one for handler in node.handlers for one in handler.body]
            return [*node.body, *handled, *node.orelse, *node.final]
        case Inlined():
            return node.body
        case _:
            return []


def branches(node: Node) -> list[Branch]:
    """Return the branches of a node, which have variables of their own."""
    if isinstance(node, Map):
        return [node.branch]
    return node.branches if isinstance(node, Parallel) else []


@dataclass(frozen=True)
class Refused:
    """A statement that is not compiled; only in trees that are drawn, never in a program."""

    row: int
    statement: Any  # the statement's syntax tree


@dataclass(frozen=True)
class Parameter:
    """A member of the execution's input."""

    name: str
    variable: str
    default: Value | None


@dataclass(frozen=True)
class Program:
    """A compiled workflow."""

    name: str
    filename: str
    lines: list[str]
    row: int
    parameters: list[Parameter]
    body: list[Node]
    document: str | None = None
    classes: dict[str, type] = field(default_factory=dict)  # of the errors it raises
    warnings: tuple[Any, ...] = ()  # diagnostics of what is left out
    steps: tuple[str, ...] = ()  # names of generated activities
    step_source: str = ""  # of the module with them
