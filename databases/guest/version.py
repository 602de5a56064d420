"""The version of the program; a guest fetches any other that its control plane has."""

VERSION = "1.1"
