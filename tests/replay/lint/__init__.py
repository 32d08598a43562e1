"""What must not be in workflow code, and what may look as if."""
