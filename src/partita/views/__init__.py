"""Tell what people look at, as pure functions of histories and records."""
