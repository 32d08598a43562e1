"""Hold what all SQL databases share: numbered migration scripts, and the form of records."""
