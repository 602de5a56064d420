"""The REST API of metadata definitions."""
