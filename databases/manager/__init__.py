"""The managers of databases."""

from databases.manager.backups import DatabaseBackupManager
from databases.manager.configurations import ConfigurationManager
from databases.manager.contents import ContentsManager
from databases.manager.datastores import DatastoreManager
from databases.manager.flavors import DatabaseFlavorManager
from databases.manager.instances import DatabaseInstanceManager
from databases.manager.limits import LimitsManager
from databases.manager.volume_types import DatabaseVolumeTypeManager

__all__ = [
    "ConfigurationManager",
    "ContentsManager",
    "DatabaseBackupManager",
    "DatabaseFlavorManager",
    "DatabaseInstanceManager",
    "DatabaseVolumeTypeManager",
    "DatastoreManager",
    "LimitsManager",
]
