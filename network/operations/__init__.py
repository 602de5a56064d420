"""The sagas of network."""
