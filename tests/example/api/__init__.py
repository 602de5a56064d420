"""The REST API of the example."""
