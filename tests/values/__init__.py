"""The same value and the same error everywhere: plain Python, every store, and SWF."""
