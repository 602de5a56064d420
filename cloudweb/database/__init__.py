"""The two databases, and the few things that differ between them."""
