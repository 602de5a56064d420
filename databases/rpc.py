"""What the agent inside a database's guest can be ordered: the whole contract, readable alone.

Its topic is a mailbox, ``guestagent.<instance id>``, which the guest polls through its host's metadata
proxy (``databases/mailbox/``). Queries change nothing: REST asks and waits for them.
"""

from __future__ import annotations

from cloudweb.rpc import Method
from databases.objects import (
    AccessList,
    AccessRequest,
    Applied,
    CertificateGiven,
    Configuration,
    CreateDatabases,
    CreateUsers,
    DatabaseList,
    DatabaseName,
    DemoteRequest,
    Diagnostics,
    DumpMade,
    DumpRequest,
    FilesystemSize,
    Guard,
    KeepLog,
    LogKept,
    LogRequest,
    LogText,
    NoArguments,
    PageRequest,
    Prepared,
    PrepareDatastore,
    PromoteRequest,
    ReplicationAccess,
    ReplicationPoint,
    RootPassword,
    RootState,
    UpgradeRequest,
    UserChange,
    UserList,
    UserName,
    Verified,
    VolumeSize,
)

DOMAIN = "guestagent"
#: Seconds within which the datastore is there, from an empty disk or from a backup.
_BUILD, _COPY = 600, 24 * 3600

#: Make the datastore be there and serve as told.
PREPARE = Method("guestagent.prepare", PrepareDatastore, Prepared, deadline=_COPY)
RESTART = Method("guestagent.restart", NoArguments, Applied, deadline=_BUILD)
STOP = Method("guestagent.stop", NoArguments, deadline=_BUILD, urgent=True)
START = Method("guestagent.start", NoArguments, Applied, deadline=_BUILD)

CREATE_DATABASES = Method("guestagent.create_databases", CreateDatabases)
LIST_DATABASES = Method("guestagent.list_databases", PageRequest, DatabaseList, query=True)
DELETE_DATABASE = Method("guestagent.delete_database", DatabaseName)
CREATE_USERS = Method("guestagent.create_users", CreateUsers)
LIST_USERS = Method("guestagent.list_users", PageRequest, UserList, query=True)
#: One user, or an empty list.
GET_USER = Method("guestagent.get_user", UserName, UserList, query=True)
UPDATE_USER = Method("guestagent.update_user", UserChange)
DELETE_USER = Method("guestagent.delete_user", UserName)
LIST_ACCESS = Method("guestagent.list_access", UserName, AccessList, query=True)
GRANT = Method("guestagent.grant", AccessRequest)
REVOKE = Method("guestagent.revoke", AccessRequest)
ENABLE_ROOT = Method("guestagent.enable_root", RootPassword)
DISABLE_ROOT = Method("guestagent.disable_root", NoArguments)
IS_ROOT_ENABLED = Method("guestagent.is_root_enabled", NoArguments, RootState, query=True)

#: Write the settings, apply those that need no restart and name the others; none that is refused is kept.
APPLY_CONFIGURATION = Method("guestagent.apply_configuration", Configuration, Applied)
#: Show clients another certificate; those that are connected stay so.
INSTALL_CERTIFICATE = Method("guestagent.install_certificate", CertificateGiven)
#: The volume has grown: let the file system fill it, once the guest sees that.
GROW_FILESYSTEM = Method("guestagent.grow_filesystem", VolumeSize, FilesystemSize, deadline=_BUILD)
UPGRADE = Method("guestagent.upgrade", UpgradeRequest, Prepared, deadline=_COPY)
#: Uploads may take as long as the data is large; a backup's progress is its parts.
BACKUP = Method("guestagent.backup", DumpRequest, DumpMade, deadline=_COPY)
#: Look through all data, by the datastore's own means; raises "damaged".
VERIFY = Method("guestagent.verify", NoArguments, Verified, deadline=_COPY)
#: Only a datastore that keeps a log of all that is written (PostgreSQL).
KEEP_LOG = Method("guestagent.keep_log", KeepLog, LogKept)
PUBLISH_LOG = Method("guestagent.publish_log", LogRequest, LogText)
TAIL_LOG = Method("guestagent.tail_log", LogRequest, LogText, query=True)
#: Let one replica come; a source, or a replica that others are to follow.
ENABLE_REPLICATION = Method(
    "guestagent.enable_replication", ReplicationAccess, ReplicationPoint, deadline=_BUILD
)
#: Let one that takes writes ask first before it serves, whenever its guest was started.
GUARD = Method("guestagent.guard", Guard)
REPLICATION_POINT = Method(
    "guestagent.replication_point", NoArguments, ReplicationPoint, query=True
)
PROMOTE = Method("guestagent.promote", PromoteRequest, ReplicationPoint, urgent=True)
DEMOTE = Method("guestagent.demote", DemoteRequest, ReplicationPoint, deadline=_COPY)
DIAGNOSTICS = Method("guestagent.diagnostics", NoArguments, Diagnostics, query=True)
