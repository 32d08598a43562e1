"""The server: which protocol answers which request."""
