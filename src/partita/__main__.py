"""Let `python -m partita` be the same as `partita`."""

import sys


def main() -> None:
    """Run the command line."""
    from partita.cli import main as cli  # late, so that `import partita.__main__` costs nothing

    sys.exit(cli())


if __name__ == "__main__":
    main()
