"""Run the command line as `python -m partita`."""

import sys


def main() -> None:
    """Run the command line."""
    from partita.cli import main as cli  # so that importing this module costs nothing

    sys.exit(cli())


if __name__ == "__main__":
    main()
