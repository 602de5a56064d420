"""The REST API of compute."""
