"""The release this code is."""

RELEASE = "0.1.0"
