"""The managers of databases."""

from databases.manager.datastores import DatastoreManager
from databases.manager.flavors import DatabaseFlavorManager
from databases.manager.instances import DatabaseInstanceManager
from databases.manager.limits import LimitsManager

__all__ = ["DatabaseFlavorManager", "DatabaseInstanceManager", "DatastoreManager", "LimitsManager"]
