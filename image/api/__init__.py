"""The REST API of image."""
