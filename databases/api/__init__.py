"""The REST API of databases."""
