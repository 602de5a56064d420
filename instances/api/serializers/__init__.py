"""Bodies and representations, a noun a file."""
