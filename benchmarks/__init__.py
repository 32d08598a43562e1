"""Measure Partita beside the bare disk it stands on: `make bench`."""
