"""Lower calls of AWS's services: checked against their shapes, and spelled as Task states have it.

What is written as a dict or a list is checked to its leaves; of other values, the types are.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from partita.compile.context import Context
from partita.compile.jsonata import list_value, object_value
from partita.compile.names.objects import target
from partita.compile.operators.conditions import choose, lower_test
from partita.compile.tree import Call, Value
from partita.compile.types import ANY, NONE, STR, dict_of
from partita.compile.variables import Variables
from partita.integrations.aws_arguments import differs, kinds_of, missing_or_unknown, wanted
from partita.integrations.aws_calls import Action
from partita.integrations.aws_errors import state_names
from partita.integrations.aws_models import Operation
from partita.integrations.task_tokens import TASK_TOKEN

_KINDS = {"record": "dict", "tuple": "list", "none": "NoneType"}
_TOKEN = Value("$states.context.Task.Token", STR)


def call_service(node: Any, action: Action, context: Context) -> Value:
    """Call an operation of a service here; return its result."""
    operation = action.operation
    if node.args or any(one.arg is None for one in node.keywords):
        raise context.refuse(
            node, operation.shown, "its arguments have names", "write name=value for each"
        )
    given = {str(one.arg): one.value for one in node.keywords}
    writer = _Arguments(operation, action, context)
    arguments = writer.members(node, operation.model.input_shape, given)
    for shape in operation.model.error_shapes:
        for name in state_names(operation.service, shape.name):
            context.compilation.errors.by_name[name] = getattr(action.exceptions, shape.name)
    call = Call(node.lineno, action, arguments, context.names.new("result"))
    context.block.append(call)
    return Value(f"${call.variable}", dict_of(ANY))


@dataclass
class _Arguments:
    """Writes the arguments of one call."""

    operation: Operation
    action: Action
    context: Context

    def members(self, node: Any, shape: Any, given: dict[str, ast.expr]) -> dict[str, Value]:
        """Return members as Task states spell them."""
        problem = missing_or_unknown(shape, given)
        if problem:
            raise self._refuse(node, problem, "give the arguments of boto3's method")
        members = {} if shape is None else shape.members
        return {
            self.operation.spell(name): self.value(one, members[name])
            for name, one in given.items()
        }

    def value(self, node: ast.expr, shape: Any) -> Value:
        """Return the value of a member."""
        if target(node, self.context) is TASK_TOKEN:
            if self.action.pattern == "waitForTaskToken":
                return _TOKEN
            raise self._refuse(
                node, "only a task that waits has a token", "use wait_for_task_token"
            )
        if isinstance(node, ast.Dict) and "dict" in kinds_of(shape):
            return self._dict(node, shape)
        if isinstance(node, ast.IfExp):
            return self._chosen(node, shape)
        if isinstance(node, ast.ListComp) and shape.type_name == "list":
            return self.context.read(self._respelled(node, shape))
        if isinstance(node, ast.List):
            parts = getattr(shape, "member", None)
            items = [self._item(one, parts) for one in node.elts]
            self._check(node, list_value(items), shape)
            return list_value(items)
        value = self.context.read(node)
        self._check(node, value, shape)
        if value.type is not NONE:
            self._check_spelling(node, shape)
        return self.context.simple(node, value) if value.is_guarded else value

    def _chosen(self, node: ast.IfExp, shape: Any) -> Value:
        """Return a value that depends on a condition."""
        test = lower_test(node.test, self.context)

        def branch(part: ast.expr, known: Variables) -> Value:
            with self.context.assuming(known):
                return self.value(part, shape)

        return choose(
            node,
            test.value,
            self.context,
            lambda: branch(node.body, test.when_true),
            lambda: branch(node.orelse, test.when_false),
        )

    def _respelled(self, node: Any, shape: Any) -> Any:
        """Return an expression whose dicts have names as Task states spell them."""
        if isinstance(node, ast.ListComp) and shape.type_name == "list":
            made: Any = ast.ListComp(self._respelled(node.elt, shape.member), node.generators)
        elif isinstance(node, ast.List) and shape.type_name == "list":
            made = ast.List([self._respelled(one, shape.member) for one in node.elts], node.ctx)
        elif isinstance(node, ast.Dict) and shape.type_name in ("structure", "map"):
            made = self._respelled_dict(node, shape)
        else:
            self._check_spelling(node, shape)
            return node
        return ast.copy_location(made, node)

    def _respelled_dict(self, node: ast.Dict, shape: Any) -> ast.Dict:
        if shape.type_name == "map":
            return ast.Dict(node.keys, [self._respelled(one, shape.value) for one in node.values])
        keys = self._keys(node)
        problem = missing_or_unknown(shape, keys)
        if problem:
            raise self._refuse(node, problem, "give the arguments of boto3's method")
        names = [
            ast.copy_location(ast.Constant(self.operation.spell(name)), one)
            for name, one in keys.items()
        ]
        values = [self._respelled(one, shape.members[name]) for name, one in keys.items()]
        return ast.Dict(list(names), values)

    def _check_spelling(self, node: ast.expr, shape: Any) -> None:
        if differs(shape, self.operation.spell):
            raise self._refuse(
                node, "Step Functions spells names within it in another way", "write the dict here"
            )

    def _item(self, node: ast.expr, shape: Any) -> Value:
        return self._free(node) if shape is None else self.value(node, shape)

    def _free(self, node: ast.expr) -> Value:
        """Return a value within a text that is sent as JSON."""
        if target(node, self.context) is TASK_TOKEN and self.action.pattern == "waitForTaskToken":
            return _TOKEN
        if isinstance(node, ast.Dict):
            return object_value({name: self._free(one) for name, one in self._keys(node).items()})
        if isinstance(node, ast.List):
            return list_value([self._free(one) for one in node.elts])
        return self.context.read(node)

    def _dict(self, node: ast.Dict, shape: Any) -> Value:
        keys = self._keys(node)
        if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
            return object_value(self.members(node, shape, keys))
        if shape.type_name == "map":
            return object_value({name: self.value(one, shape.value) for name, one in keys.items()})
        return self._free(node)

    def _keys(self, node: ast.Dict) -> dict[str, ast.expr]:
        found: dict[str, ast.expr] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            name = key.value if isinstance(key, ast.Constant) else None
            if not isinstance(name, str) or name in found:
                raise self._refuse(key or node, "a key is no text, or is twice", "write each once")
            found[name] = value
        return found

    def _check(self, node: ast.expr, value: Value, shape: Any) -> None:
        kind = value.type.item.kind if value.type.kind == "optional" else value.type.kind
        kind = _KINDS.get(kind, kind)
        if kind in ("any", "never", "NoneType") or kind in kinds_of(shape):
            return
        why = f"it is {shape.type_name}, not {value.type}"
        raise self._refuse(node, why, f"give {wanted(shape)}")

    def _refuse(self, node: Any, why: str, way_out: str) -> Exception:
        what = f"argument of {self.operation.shown}"
        return self.context.refuse(node, what, why, way_out)
