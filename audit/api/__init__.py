"""The REST API of the audit log."""
