"""Print the state machine of a file: `python -m pysfn.tools.compile SRC LAMBDA-ARN`."""

import sys

from partita.cli import main

if __name__ == "__main__":
    sys.exit(main(["pysfn", "compile", *sys.argv[1:]]))
