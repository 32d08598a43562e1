"""Run pyawssfn's tools: `python -m pysfn compile SRC LAMBDA-ARN`, `... lambda CODE ZIP`."""

import sys

from partita.cli import main

_COMMANDS = {"compile": "compile", "lambda": "gen-lambda"}

if __name__ == "__main__":
    first, rest = sys.argv[1:2], sys.argv[2:]
    sys.exit(main(["pysfn", *(_COMMANDS.get(one, one) for one in first), *rest]))
