"""The operators' pages of databases."""

from databases.admin.backups import DatabaseBackupAdmin, DatabaseBackupScheduleAdmin
from databases.admin.datastores import DatastoreVersionAdmin
from databases.admin.failovers import FailoverAdmin
from databases.admin.guests import GuestAgentAdmin
from databases.admin.instances import DatabaseInstanceAdmin

__all__ = [
    "DatabaseBackupAdmin",
    "DatabaseBackupScheduleAdmin",
    "DatabaseInstanceAdmin",
    "DatastoreVersionAdmin",
    "FailoverAdmin",
    "GuestAgentAdmin",
]
