"""Move a volume to another pool, in use or not: make it there, copy, let its users go over, remove it here.

The volume there is called something else (``name_id``), so that both can be on one host or one cluster.
Until the copy is whole the volume is where it was, and everything else can be taken back. Who has the
volume goes over in one moment on its host; from the decision to do so there is only forward.
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
from operations.saga import Failure, Run, Saga, Step
from volume import relaying, scheduler
from volume.events import VolumeRetyped
from volume.models import Attachment, Pool, Volume, VolumeType
from volume.needs import move_request
from volume.objects import (
    CopyRequest,
    ExportRequest,
    UnexportRequest,
    VolumeConnection,
    VolumeRef,
    VolumeState,
)
from volume.operations.rows import fault, tell, volume_of, write
from volume.resolution import (
    DEFAULT_FORMAT,
    encryption_of,
    encrypts,
    host_of,
    new_key,
    passphrase_of,
    volume_ref,
    volume_spec,
)
from volume.rpc import COPY, CREATE, DELETE, END_COPY, EXPORT, FOLLOW, UNEXPORT
from volume.states import MigrationStatus, VolumeStatus


def claim_room(run: Run) -> Mapping[str, Any]:
    """Take room elsewhere; note where the volume is, what it will be called, and what opens it then.

    One that is to be encrypted, or no more, is copied also to where it is.
    """
    volume = volume_of(run)
    kind = _kind(run, volume)
    encrypted = encrypts(kind.id) if run.args.get("type_id") else volume.encrypted
    is_alike = encrypted == volume.encrypted
    request = move_request(
        volume,
        kind,
        encrypted=encrypted,
        pool_id=run.args.get("pool_id"),
        excluded=(str(volume.pool_id),) if is_alike else (),
    )
    pool = scheduler.take(run.context, volume_id=str(volume.id), request=request)
    write(run, migration_status=MigrationStatus.MIGRATING)
    attached = Attachment.objects.filter(volume=volume).order_by("created_at", "id").first()
    there = VolumeRef(
        id=str(uuid.uuid4()), backend=pool.backend, pool=pool.name, format=DEFAULT_FORMAT
    )
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
    }


def release_room(run: Run) -> None:
    """Give it back."""
    if run.result:
        scheduler.shrink(run.result["pool"], run.result["size"])


def make(run: Run) -> Order:
    """Order an empty volume there, encrypted as it is here or as its new type says."""
    claimed, there, volume = _claimed(run), _there(run), volume_of(run)
    how = encryption_of(_kind(run, volume).id, _passphrase(run))
    spec = volume_spec(volume, empty=True).model_copy(update={"ref": there, "encryption": how})
    return CREATE.order(host=claimed["host"], resource_id=there.id, payload=spec)


def unmake(run: Run) -> Order:
    """Order it away."""
    there = _there(run)
    return DELETE.order(host=_claimed(run)["host"], resource_id=there.id, payload=there)


def export(run: Run) -> Order:
    """Order it to be there for the host that has the volume."""
    claimed = _claimed(run)
    request = ExportRequest(
        volume=_there(run),
        attachment_id=claimed["attachment"],
        epoch=claimed["epoch"],
        to_host=claimed["from_host"],
        passphrase=_passphrase(run),
    )
    return EXPORT.order(host=claimed["host"], resource_id=request.volume.id, payload=request)


def unexport(run: Run) -> Order:
    """Order it to be there for nobody."""
    claimed = _claimed(run)
    request = UnexportRequest(
        volume=_there(run),
        attachment_id=claimed["attachment"],
        epoch=claimed["epoch"],
        to_host=claimed["from_host"],
    )
    return UNEXPORT.order(host=claimed["host"], resource_id=request.volume.id, payload=request)


def copy(run: Run) -> Order:
    """Order the copy; of a volume in use it goes on being one until they follow."""
    return COPY.order(
        host=_claimed(run)["from_host"], resource_id=run.resource_id, payload=_request(run)
    )


def end_copy(run: Run) -> Order:
    """Order it to be one no more."""
    return END_COPY.order(
        host=_claimed(run)["from_host"], resource_id=run.resource_id, payload=_request(run)
    )


def decide(run: Run) -> None:
    """From here on it goes there."""
    write(run, migration_status=MigrationStatus.COMPLETING)


def follow(run: Run) -> Order:
    """Order those who have the volume over to the copy."""
    return FOLLOW.order(
        host=_claimed(run)["from_host"], resource_id=run.resource_id, payload=_request(run)
    )


def followed(run: Run, _: list[Any]) -> None:
    """Write down where the volume is now, and through which host its guest reaches it."""
    claimed, there = _claimed(run), _there(run)
    volume = volume_of(run)
    scheduler.shrink(claimed["from_pool"], volume.size)
    write(
        run,
        pool=Pool.objects.get(id=claimed["pool"]),
        name_id=there.id,
        zone=claimed["zone"],
        format=VolumeState.load(run.results["make"][0]).format,
        volume_type=_kind(run, volume),
        wanted_type=None,
        encrypted=bool(_key(run)),
        encryption_key=_key(run),
    )
    row = Attachment.objects.filter(id=claimed["attachment"], volume_id=run.resource_id).first()
    if row is not None:
        relaying.end(row)  # of an earlier move, which now leads nowhere
        before = VolumeRef.load(claimed["from"])
        Attachment.objects.filter(id=row.id).update(
            epoch=max(row.epoch, claimed["epoch"]),
            relay=relaying.relay(host=claimed["from_host"], volume=before, epoch=row.epoch),
        )


def close(run: Run) -> Order | None:
    """Order the host that had the volume to be let in no more, unless a guest reaches it through that."""
    return None if _is_reached(run) else unexport(run)


def remove(run: Run) -> Order | None:
    """Order away what the volume was, unless a guest reaches it through that."""
    if _is_reached(run):
        return None
    before = VolumeRef.load(_claimed(run)["from"])
    return DELETE.order(host=_claimed(run)["from_host"], resource_id=before.id, payload=before)


def _claimed(run: Run) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.results["claim_room"]
    return found


def _key(run: Run) -> str:
    """Return what opens the volume there, as its row will keep it."""
    found: str = _claimed(run).get("key", volume_of(run).encryption_key)
    return found


def _passphrase(run: Run) -> str:
    return decrypt(_key(run)) if _key(run) else ""


def _there(run: Run) -> VolumeRef:
    return VolumeRef.load(_claimed(run)["there"])


def _request(run: Run) -> CopyRequest:
    return CopyRequest(
        id=str(run.operation.id),
        volume=VolumeRef.load(_claimed(run)["from"]),
        target=VolumeConnection.load(run.results["export"][0]),
        passphrase=passphrase_of(volume_of(run)),
    )


def _is_reached(run: Run) -> bool:
    rows = Attachment.objects.filter(id=_claimed(run)["attachment"], volume_id=run.resource_id)
    return any(row.relay for row in rows)


def _kind(run: Run, volume: Volume) -> VolumeType:
    """Return the type that it has, or shall have."""
    wanted = run.args.get("type_id")
    return VolumeType.objects.get(id=wanted) if wanted else volume.volume_type


class MoveVolume(Saga):
    """Have a volume in another pool; ``args``: ``pool_id`` names it, ``type_id`` is the type to be."""

    kind = "volume.move"
    resource_type = "volume"
    deadline = timedelta(hours=36)
    steps = (
        Step("claim_room", claim_room, undo=release_room),
        Step("make", make, undo=unmake),
        Step("export", export, undo=unexport),
        Step("copy", copy, undo=end_copy),
        Step("decide", decide, pivot=True),
        Step("follow", follow, done=followed, max_failures=10),
        Step("close", close, owes=True, max_failures=10),
        Step("remove", remove, owes=True, max_failures=10),
    )

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
            write(run, migration_status=MigrationStatus.ERROR, wanted_type=None)
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
