"""The sagas of databases."""
