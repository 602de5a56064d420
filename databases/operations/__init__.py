"""The sagas of databases."""

from databases.operations.actions import ConfigureDatabase, RestartDatabase, UpgradeDatabase
from databases.operations.backups import BackUpDatabase, DeleteDatabaseBackup
from databases.operations.create import CreateDatabase
from databases.operations.delete import DeleteDatabase
from databases.operations.failover import FailOver
from databases.operations.logs import KeepDatabaseLog
from databases.operations.operating import MigrateDatabase, RebootDatabase, StopDatabase
from databases.operations.proofs import ProveDatabaseBackup
from databases.operations.rebuild import RebuildDatabase
from databases.operations.replicas import DetachReplica, FollowSource, PromoteReplica
from databases.operations.resize import GrowDatabase, ResizeDatabase

__all__ = [
    "BackUpDatabase",
    "ConfigureDatabase",
    "CreateDatabase",
    "DeleteDatabase",
    "DeleteDatabaseBackup",
    "DetachReplica",
    "FailOver",
    "FollowSource",
    "GrowDatabase",
    "KeepDatabaseLog",
    "MigrateDatabase",
    "PromoteReplica",
    "ProveDatabaseBackup",
    "RebootDatabase",
    "RebuildDatabase",
    "ResizeDatabase",
    "RestartDatabase",
    "StopDatabase",
    "UpgradeDatabase",
]
