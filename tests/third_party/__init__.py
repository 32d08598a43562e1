"""What somebody else would write: a service that only the public documentation describes."""
