"""Bodies of identity: what clients send, what they get."""
