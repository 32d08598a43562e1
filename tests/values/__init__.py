"""Values keep their types wherever they go, or are refused."""
