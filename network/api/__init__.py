"""The REST API of network."""
