"""Bodies of volumes."""
