"""Each reason that `partita why` can give, brought about by real processes on each backend."""
