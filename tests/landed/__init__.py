"""Databases that an earlier version wrote, and tests that this version goes on with them."""
