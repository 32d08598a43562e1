"""One module per database, and the scripts that make its tables."""
