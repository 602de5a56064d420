"""The REST API of identity."""
