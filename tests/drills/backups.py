"""How the sagas of backups are drilled: hosts reach the API in their own thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import transaction
from django.test import override_settings

from cloudweb.context import RequestContext
from operations.models import Hold, Operation
from operations.testing import Drill
from tests.builders.backups import api_in_process
from tests.builders.stores import file_settings
from tests.drills.volumes import World, lab, made_already
from volume.backup_transfers import fresh_ticket
from volume.manager import BackupManager, BackupWish
from volume.models import Backup, BackupLineage, Volume
from volume.operations import (
    DeleteBackup,
    ImportBackup,
    ProveBackup,
    RestoreBackup,
    RestoreVolume,
    TakeBackup,
)
from volume.states import BackupStatus, VolumeStatus


@contextmanager
def with_store(directory: Path) -> Iterator[World]:
    """Run a block in a small cloud whose backups are kept in a directory."""
    stores = {"one": file_settings(directory / "store")}
    with lab(directory, hosts=1) as made, override_settings(IMAGE_STORES=stores), api_in_process():
        yield made


def census(made: World, subject: Any) -> dict[str, Any]:
    """Count what there is of backups: rows, files, points that are held, what volumes hold."""
    store = made.cloud.directory / "store"
    contents = [one.content for driver in made.drivers.values() for one in driver._volumes.values()]
    points = [
        name for driver in made.drivers.values() for name in driver.census() if "point" in name
    ]
    return {
        "backups": [
            (row.status, bool(row.sha256), row.chunks, row.ticket == "")
            for row in Backup.objects.order_by("created_at")
        ],
        "proven": Backup.objects.filter(proven_at__isnull=False).count(),
        "lineages": BackupLineage.objects.count(),
        "files": sum(path.is_file() for path in store.rglob("*")),
        "points": points,
        "volumes": [*Volume.objects.order_by("created_at").values_list("status", flat=True)],
        "busy": Volume.objects.filter(status__in=BUSY).count(),
        "contents": sorted(contents),
        "holds": Hold.objects.count(),
        "live": Operation.objects.exclude(state__in=("DONE", "UNDONE")).count(),
    }


def ends(*backups: Any, **counts: Any) -> dict[str, Any]:
    """Return a census of a volume that can be used, and of backups that can be restored."""
    return {
        "backups": [*backups],
        "proven": 0,
        "lineages": 1 if backups else 0,
        "files": 2 if backups else 0,  # a chunk and the manifest
        "points": [],
        "volumes": ["available"],
        "busy": 0,
        "contents": ["words"],
        "holds": 0,
        "live": 0,
        **counts,
    }


#: What no volume may be left in.
BUSY = (VolumeStatus.RESTORING_BACKUP, VolumeStatus.BACKING_UP)
WHOLE = ("available", True, 1, True)


def written(made: World) -> str:
    """Have a volume that holds something; return its id."""
    volume = made_already(made)
    made.drivers["h1"].write(volume, "words")
    return volume


def take(made: World, volume: Any) -> str:
    """Back it up; return the backup's id."""
    return str(BackupManager(made.context).create(BackupWish(volume_id=volume)).id)


def taken(made: World) -> str:
    """Have a backup; return its id."""
    backup = take(made, written(made))
    made.cloud.settle()
    return backup


def force_delete(made: World, _subject: Any) -> None:
    """Delete the backup whatever is done to it."""
    context = RequestContext.system(project_id=made.context.project_id)
    BackupManager(context).delete(str(Backup.objects.get().id), force=True)


def changed(made: World) -> str:
    """Have a backup of what the volume held before; return the backup's id."""
    backup = taken(made)
    made.drivers["h1"].write(str(Volume.objects.get().id), "other words")
    return backup


def restore(made: World, backup: Any) -> None:
    """Restore it over its volume."""
    volume = str(Volume.objects.get().id)
    BackupManager(made.context).restore(backup, volume_id=volume)


def overwrite(made: World, backup: Any) -> None:
    """Start what restores it over its volume, as the backup's own saga does."""
    volume = str(Volume.objects.get().id)
    with transaction.atomic():
        Backup.objects.filter(id=backup).update(
            status=BackupStatus.RESTORING, ticket=fresh_ticket()
        )
        Volume.objects.filter(id=volume).update(status=VolumeStatus.RESTORING_BACKUP)
        RestoreVolume.start(made.context, resource_id=volume, args={"backup_id": backup})


def exported(made: World) -> tuple[str, str]:
    """Have a record of a backup whose row is gone."""
    backup = taken(made)
    context = RequestContext.system(project_id=made.context.project_id)
    record = BackupManager(context).export_record(backup)
    forget()
    return record


def forget() -> None:
    """Lose what the database knows of backups."""
    Backup.objects.all().delete()
    BackupLineage.objects.all().delete()


def take_up(made: World, record: Any) -> None:
    """Import the record, once more if need be."""
    forget()
    service, url = record
    context = RequestContext.system(project_id=made.context.project_id)
    BackupManager(context).import_record(service=service, url=url)


DRILLS = (
    Drill(
        saga=TakeBackup,
        world=with_store,
        prepare=written,
        start=take,
        census=census,
        done=ends(WHOLE),
        undone=ends(("error", False, 0, True), files=0),
        preempt=force_delete,
        preempted=ends(),
    ),
    Drill(
        saga=DeleteBackup,
        world=with_store,
        prepare=taken,
        start=lambda made, backup: BackupManager(made.context).delete(backup),
        census=census,
        done=ends(),
        undone={"volumes": ["available"]},
    ),
    Drill(
        saga=RestoreBackup,
        world=with_store,
        prepare=changed,
        start=restore,
        census=census,
        done=ends(WHOLE),
        undone={"backups": [WHOLE], "busy": 0},
    ),
    Drill(
        saga=RestoreVolume,
        world=with_store,
        prepare=changed,
        start=overwrite,
        census=census,
        done={
            **ends(("restoring", True, 1, False)),
        },
        undone={"points": []},
    ),
    Drill(
        saga=ImportBackup,
        world=with_store,
        prepare=exported,
        start=take_up,
        census=census,
        done=ends(WHOLE),
        undone={"volumes": ["available"]},
    ),
    Drill(
        saga=ProveBackup,
        world=with_store,
        prepare=taken,
        start=lambda made, backup: BackupManager(made.context).prove(backup),
        census=census,
        done=ends(WHOLE, proven=1),
        undone={"backups": [WHOLE]},
        preempt=force_delete,
        preempted=ends(),
    ),
)
