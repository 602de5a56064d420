"""The tables of databases."""

from databases.models.agents import GuestAgent
from databases.models.authorities import ProjectAuthority
from databases.models.backups import Backup
from databases.models.configurations import Configuration
from databases.models.datastores import ConfigurationParameter, Datastore, DatastoreVersion
from databases.models.failovers import Failover, FailoverWatch
from databases.models.guests import FakeGuest, Letter
from databases.models.instances import DatabaseInstance, PartsProject

__all__ = [
    "Backup",
    "Configuration",
    "ConfigurationParameter",
    "DatabaseInstance",
    "Datastore",
    "DatastoreVersion",
    "Failover",
    "FailoverWatch",
    "FakeGuest",
    "GuestAgent",
    "Letter",
    "PartsProject",
    "ProjectAuthority",
]
