"""The example on the wire."""
