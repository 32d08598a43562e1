"""Let a program, or another Python interpreter, do the work of an activity."""
