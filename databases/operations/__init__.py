"""The sagas of databases."""

from databases.operations.create import CreateDatabase
from databases.operations.delete import DeleteDatabase

__all__ = ["CreateDatabase", "DeleteDatabase"]
