"""Run the command line as `python -m partita`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is loaded ends it as later, without a traceback."""
    try:
        from partita.cli import main as cli  # so that importing this module costs nothing
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(cli())


if __name__ == "__main__":
    main()
