"""What the sagas that move volumes to other pools share: the room and the volume there, and the rows at the end.

``args``: ``pool_id`` names where it goes, ``type_id`` is the type to be; ``server`` is whose guest copies.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cloudweb.encryption import decrypt
from cloudweb.events import emit
from cloudweb.rpc import Order
from operations import epoch
from operations.saga import Failure, Run, Saga
from volume import scheduler
from volume.events import VolumeRetyped
from volume.models import Attachment, Pool, Volume, VolumeType
from volume.needs import move_request
from volume.objects import ExportRequest, UnexportRequest, VolumeRef, VolumeState
from volume.operations.rows import fault, tell, volume_of, write
from volume.resolution import (
    DEFAULT_FORMAT,
    encryption_of,
    encrypts,
    host_of,
    new_key,
    volume_ref,
    volume_spec,
)
from volume.rpc import CREATE, DELETE, EXPORT, UNEXPORT
from volume.states import MigrationStatus, VolumeStatus


def claim_room(run: Run) -> Mapping[str, Any]:
    """Take room elsewhere; note where the volume is, what it will be called, and what opens it then.

    One that is to be encrypted, or no more, is copied also to where it is.
    """
    volume = volume_of(run)
    kind = kind_of(run, volume)
    encrypted = encrypts(kind.id) if run.args.get("type_id") else volume.encrypted
    is_alike = encrypted == volume.encrypted
    request = move_request(
        volume,
        kind,
        encrypted=encrypted,
        pool_id=run.args.get("pool_id"),
        excluded=_excluded(run, volume) if is_alike else (),
    )
    pool = scheduler.take(run.context, volume_id=str(volume.id), request=request)
    write(run, migration_status=MigrationStatus.MIGRATING)
    attached = Attachment.objects.filter(volume=volume).order_by("created_at", "id").first()
    there = VolumeRef(
        id=str(uuid.uuid4()), backend=pool.backend, pool=pool.name, format=DEFAULT_FORMAT
    )
    is_guests = attached is not None and "server" in run.args
    return {
        "pool": str(pool.id),
        "host": pool.host,
        "zone": pool.zone,
        "size": volume.size,
        "there": there.dump(),
        "key": volume.encryption_key if is_alike else new_key() if encrypted else "",
        "from_pool": str(volume.pool_id),
        "from_host": host_of(volume),
        "from": volume_ref(volume).dump(),
        # who has it will have it there by the same attachment
        "attachment": str(attached.id if attached else uuid.uuid4()),
        "epoch": epoch.draw(),
        "copier": attached.host if attached and is_guests else host_of(volume),
        "old_epoch": attached.epoch if attached else 0,
    }


def _excluded(run: Run, volume: Volume) -> tuple[str, ...]:
    """Return the pools it does not go to; for a guest, none of a cluster that it is in already.

    There an attachment is one user, whatever the pool.
    """
    here = volume.pool
    assert here is not None
    cluster = here.storage_id.rpartition("/")[0]
    if "server" not in run.args or not cluster:
        return (str(here.id),)
    same = Pool.objects.filter(protocol=here.protocol, storage_id__startswith=f"{cluster}/")
    return (str(here.id), *map(str, same.values_list("id", flat=True)))


def release_room(run: Run) -> None:
    """Give it back."""
    if run.result:
        scheduler.shrink(run.result["pool"], run.result["size"])


def make(run: Run) -> Order:
    """Order an empty volume there, encrypted as it is here or as its new type says."""
    claimed, there, volume = claimed_by(run), there_of(run), volume_of(run)
    how = encryption_of(kind_of(run, volume).id, _passphrase(run))
    spec = volume_spec(volume, empty=True).model_copy(update={"ref": there, "encryption": how})
    return CREATE.order(host=claimed["host"], resource_id=there.id, payload=spec)


def unmake(run: Run) -> Order:
    """Order it away."""
    there = there_of(run)
    return DELETE.order(host=claimed_by(run)["host"], resource_id=there.id, payload=there)


def export(run: Run) -> Order:
    """Order it to be there for the host that copies."""
    claimed = claimed_by(run)
    request = ExportRequest(
        volume=there_of(run),
        attachment_id=claimed["attachment"],
        epoch=claimed["epoch"],
        to_host=_copier(claimed),
        passphrase=_passphrase(run),
    )
    return EXPORT.order(host=claimed["host"], resource_id=request.volume.id, payload=request)


def unexport(run: Run) -> Order:
    """Order it to be there for nobody."""
    claimed = claimed_by(run)
    request = UnexportRequest(
        volume=there_of(run),
        attachment_id=claimed["attachment"],
        epoch=claimed["epoch"],
        to_host=_copier(claimed),
    )
    return UNEXPORT.order(host=claimed["host"], resource_id=request.volume.id, payload=request)


def decide(run: Run) -> None:
    """From here on it goes there."""
    write(run, migration_status=MigrationStatus.COMPLETING)


def write_moved(run: Run) -> None:
    """Write down where the volume is now."""
    claimed, there, volume = claimed_by(run), there_of(run), volume_of(run)
    scheduler.shrink(claimed["from_pool"], volume.size)
    write(
        run,
        pool=Pool.objects.get(id=claimed["pool"]),
        name_id=there.id,
        zone=claimed["zone"],
        format=VolumeState.load(run.results["make"][0]).format,
        volume_type=kind_of(run, volume),
        wanted_type=None,
        encrypted=bool(_key(run)),
        encryption_key=_key(run),
    )


def remove_old(run: Run) -> Order:
    """Order away what the volume was."""
    before = VolumeRef.load(claimed_by(run)["from"])
    return DELETE.order(host=claimed_by(run)["from_host"], resource_id=before.id, payload=before)


def claimed_by(run: Run) -> Mapping[str, Any]:
    """Return what ``claim_room`` noted."""
    found: Mapping[str, Any] = run.results["claim_room"]
    return found


def there_of(run: Run) -> VolumeRef:
    """Name the volume as it will be called."""
    return VolumeRef.load(claimed_by(run)["there"])


def kind_of(run: Run, volume: Volume) -> VolumeType:
    """Return the type that it has, or shall have."""
    wanted = run.args.get("type_id")
    return VolumeType.objects.get(id=wanted) if wanted else volume.volume_type


def _copier(claimed: Mapping[str, Any]) -> str:
    found: str = claimed.get("copier", claimed["from_host"])
    return found


def _key(run: Run) -> str:
    """Return what opens the volume there, as its row will keep it."""
    found: str = claimed_by(run).get("key", volume_of(run).encryption_key)
    return found


def _passphrase(run: Run) -> str:
    return decrypt(_key(run)) if _key(run) else ""


class Moving(Saga):
    """What is written at the end of a move."""

    resource_type = "volume"
    deadline = timedelta(hours=36)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is there."""
        _rest(run, migration_status=MigrationStatus.SUCCESS, fault_code=None)
        if run.args.get("type_id"):
            emit(VolumeRetyped(volume_id=run.resource_id))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is where it was, as it was."""
        if failure is None:
            _rest(run, migration_status=MigrationStatus.ERROR, wanted_type=None)
            return
        _rest(run, migration_status=MigrationStatus.ERROR, wanted_type=None, **fault(failure))
        tell(run, "retype" if run.args.get("type_id") else "migrate", failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """What was made there needs an operator; the volume does not."""
        cls.on_undone(run, failure)


def _rest(run: Run, **values: Any) -> None:
    volume = volume_of(run)
    if volume.status in (VolumeStatus.RETYPING, VolumeStatus.MAINTENANCE):
        values["status"] = volume.previous_status
    write(run, **values)
