"""The sagas of the example."""
