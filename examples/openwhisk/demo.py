"""Check a password: the first composition of Apache's documentation.

    partita run examples/openwhisk/demo.py --input '{"password": "abc123"}'
    partita compose examples/openwhisk/demo.py

Each action is defined here, so it runs here. The execution is durable, like any workflow's.
"""

from partita.openwhisk import composer
from partita.openwhisk.composition import Composition


def main() -> Composition:
    """Run one of two actions, by what the first one says."""
    return composer.when(
        composer.action(
            "authenticate", {"action": lambda args: {"value": args["password"] == "abc123"}}
        ),
        composer.action("success", {"action": lambda args: {"message": "success"}}),
        composer.action("failure", {"action": lambda args: {"message": "failure"}}),
    )
