"""The managers of databases."""

from databases.manager.backup_proofs import DatabaseBackupProofManager
from databases.manager.backup_schedules import DatabaseBackupScheduleManager
from databases.manager.backup_strategies import BackupStrategyManager
from databases.manager.backups import DatabaseBackupManager
from databases.manager.configurations import ConfigurationManager
from databases.manager.contents import ContentsManager
from databases.manager.datastores import DatastoreManager
from databases.manager.flavors import DatabaseFlavorManager
from databases.manager.guests import GuestManager
from databases.manager.instances import DatabaseInstanceManager
from databases.manager.limits import LimitsManager
from databases.manager.point_in_time import PointInTimeManager
from databases.manager.volume_types import DatabaseVolumeTypeManager

__all__ = [
    "BackupStrategyManager",
    "ConfigurationManager",
    "ContentsManager",
    "DatabaseBackupManager",
    "DatabaseBackupProofManager",
    "DatabaseBackupScheduleManager",
    "DatabaseFlavorManager",
    "DatabaseInstanceManager",
    "DatabaseVolumeTypeManager",
    "DatastoreManager",
    "GuestManager",
    "LimitsManager",
    "PointInTimeManager",
]
