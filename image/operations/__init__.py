"""The sagas of image."""
