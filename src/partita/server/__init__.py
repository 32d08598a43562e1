"""One HTTP server for the protocols of outside orchestrators, over the embedded engine."""
