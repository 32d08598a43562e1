"""State what services, stores, deciders and workers are to each other: protocols and their data."""
