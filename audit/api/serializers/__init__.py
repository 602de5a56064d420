"""Bodies of the audit log's REST API."""
