"""The command line."""

def main() -> int:
    """Placeholder until the commands are written."""
    return 2
