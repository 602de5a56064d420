"""What a guest may do with a part: write one of the backup it is told to take, read those it is made from.

The host vouches for the port that it asks through, the path is signed for its instance, and the row says
whether that backup is taken, or is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import BinaryIO
from uuid import UUID

from cloudweb.exceptions import Forbidden
from cloudweb.stores.configured import default_store, store
from databases import conf
from databases.dumps import tickets
from databases.dumps.repository import CONTAINERS, FOLDER, DumpRepository, part_size
from databases.exceptions import BackupDamaged
from databases.mailbox import guests
from databases.models import Backup, DatabaseInstance
from databases.states import WHOLE, BackupStatus

#: While a guest sends its backup.
_TAKEN = (BackupStatus.NEW, BackupStatus.BUILDING)


def data_of(backup: Backup) -> DumpRepository:
    """Return where the data of a backup is kept."""
    kept = store(conf.BACKUP_STORE or default_store()).inside(folder_of(backup))
    return DumpRepository(kept, backup.id)


def folder_of(backup: Backup) -> str:
    """Return the folder of the store that a backup is in: no project has another's containers."""
    if not backup.container:
        return FOLDER
    return f"{FOLDER}/{CONTAINERS}/{backup.project_id}/{backup.container}"


def write(
    asker: Mapping[str, str],
    backup_id: UUID,
    number: int,
    signature: str,
    *,
    read: Callable[[int], bytes],
) -> str:
    """Take a part of the backup that a guest sends; return its receipt.

    Raises GuestRefused, RequestTooLarge, BadRequest, StoreFull, StoreUnavailable.
    """
    backup = _backup(asker, "write", backup_id, number, signature)
    return data_of(backup).take(number, read, limit=part_size(backup.volume_size << 30))


def read(
    asker: Mapping[str, str], backup_id: UUID, number: int, signature: str
) -> tuple[BinaryIO, int]:
    """Return a part's data and its size for a guest that is made from it.

    Raises GuestRefused, BackupDamaged, StoreUnavailable.
    """
    data = data_of(_backup(asker, "read", backup_id, number, signature))
    part = next((one for one in data.manifest().parts if one.number == number), None)
    if part is None:
        raise BackupDamaged("The backup has no such part.", detail=str(number))
    return data.open(part), part.size


def _backup(
    asker: Mapping[str, str],
    purpose: tickets.Purpose,
    backup_id: UUID,
    number: int,
    signature: str,
) -> Backup:
    instance = guests.instance_at(asker, f"{purpose}_part", claimed=str(backup_id))
    found = Backup.objects.filter(id=backup_id, project_id=_whose(instance)).first()
    try:
        tickets.check(purpose, backup_id, number, signature, instance_id=instance.id)
        _check_row(found, instance, purpose)
    except Forbidden:
        guests.refuse(asker, f"{purpose}_part", claimed=str(backup_id))
    assert found is not None
    return found


def _whose(instance: DatabaseInstance) -> str:
    """Return the project whose backups an instance is made from: for a trial, that of the backup."""
    if not (instance.is_scratch and instance.restored_from):
        return instance.project_id
    tried = Backup.objects.filter(id=instance.restored_from)
    return tried.values_list("project_id", flat=True).first() or ""


def _check_row(found: Backup | None, instance: DatabaseInstance, purpose: tickets.Purpose) -> None:
    wanted = _TAKEN if purpose == "write" else WHOLE
    is_own = found is not None and (purpose == "read" or found.instance_id == instance.id)
    if found is None or not is_own or found.status not in wanted:
        raise Forbidden("There is no such transfer (any more).")
