"""The operators' pages of databases."""

from databases.admin.datastores import DatastoreVersionAdmin

__all__ = ["DatastoreVersionAdmin"]
