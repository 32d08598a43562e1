"""Write the zip for AWS Lambda of a file: `python -m pysfn.tools.gen_lambda CODE ZIP`."""

import sys

from partita.cli import main

if __name__ == "__main__":
    sys.exit(main(["pysfn", "gen-lambda", *sys.argv[1:]]))
