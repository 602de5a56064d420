"""The tables of databases."""

from databases.models.agents import GuestAgent
from databases.models.authorities import ProjectAuthority
from databases.models.backup_schedules import DatabaseBackupSchedule
from databases.models.backup_strategies import BackupStrategy
from databases.models.backups import Backup
from databases.models.configurations import Configuration
from databases.models.datastores import ConfigurationParameter, Datastore, DatastoreVersion
from databases.models.failovers import Failover, FailoverWatch
from databases.models.guests import FakeGuest, Letter
from databases.models.instances import DatabaseInstance, PartsProject
from databases.models.log_archives import LogArchive, LogPiece

__all__ = [
    "Backup",
    "BackupStrategy",
    "Configuration",
    "ConfigurationParameter",
    "DatabaseBackupSchedule",
    "DatabaseInstance",
    "Datastore",
    "DatastoreVersion",
    "Failover",
    "FailoverWatch",
    "FakeGuest",
    "GuestAgent",
    "Letter",
    "LogArchive",
    "LogPiece",
    "PartsProject",
    "ProjectAuthority",
]
