"""Hold what the protocols of AWS services share: shapes, signatures, names, faults."""
