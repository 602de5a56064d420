"""Which pool a volume goes to, and why no other."""
