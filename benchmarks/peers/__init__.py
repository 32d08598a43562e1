"""Other libraries, on the same loads, disk and server as ours."""
