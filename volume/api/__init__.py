"""REST of volumes."""
