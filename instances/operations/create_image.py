"""Make an image of a server: its host copies the disk and brings the copy to the image."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from cloudweb.database.clock import now
from cloudweb.exceptions import CloudwebError, NotFound
from cloudweb.rpc import Order
from compute.rpc import DROP_SNAPSHOT, SNAPSHOT, UPLOAD_SNAPSHOT
from compute.snapshots.objects import (
    GuestSnapshotRef,
    GuestSnapshotRequest,
    GuestSnapshotTaken,
    GuestSnapshotUpload,
)
from image import states
from image.changes import Change
from image.filters import ImageFilter
from image.manager import ImageManager
from instances.conf import FREEZE_SECONDS
from instances.images import CONSISTENCY
from instances.models import Instance
from instances.operations.guest import guest_ref
from instances.operations.rows import ROW, instance_of, no_task
from instances.states import TaskState, VmState
from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step
from volume.states import Consistency

#: Of a server that was off: it wrote nothing.
AT_REST = "at-rest"
#: What backups have in common of which only the newest are kept.
OF_A_BACKUP = ("instance_uuid", "image_type", "backup_type")
MOST = 1000


def copy_disk(run: Run) -> Order:
    """Order a copy of the disk as it is now; its agent, if it has one, holds the file systems still."""
    instance = instance_of(run)
    ref = guest_ref(instance)
    runs = instance.vm_state == VmState.ACTIVE
    request = GuestSnapshotRequest(
        id=ref.id,
        name=ref.name,
        snapshot=run.args["image_id"],
        freeze=runs and instance.guest_agent,
        must_freeze=runs and instance.guest_agent and run.args["must_freeze"],
        seconds=FREEZE_SECONDS,
    )
    return SNAPSHOT.order(host=instance.host, resource_id=ref.id, payload=request)


def disk_copied(run: Run, answers: list[Any]) -> None:
    """Let the image say what it is a copy of."""
    taken = GuestSnapshotTaken.load(answers[0])
    words: str = Consistency.FILE_SYSTEMS if taken.frozen else Consistency.ONE_MOMENT
    if taken.off and instance_of(run).vm_state != VmState.SUSPENDED:
        words = AT_REST
    said = {CONSISTENCY: str(words), "image_state": "available"}
    changes = [Change("add", name, text) for name, text in said.items()]
    ImageManager(run.context).update(run.args["image_id"], changes)
    shows(run, TaskState.IMAGE_PENDING_UPLOAD)


def drop_copy(run: Run) -> Order | None:
    """Order the copy away, whole or not; nothing where the server lost its host."""
    instance = instance_of(run)
    if not instance.host:
        return None
    ref = guest_ref(instance)
    request = GuestSnapshotRef(id=ref.id, name=ref.name, snapshot=run.args["image_id"])
    return DROP_SNAPSHOT.order(host=instance.host, resource_id=ref.id, payload=request)


def bring_copy(run: Run) -> Order:
    """Order the copy to the image."""
    instance = instance_of(run)
    ref = guest_ref(instance)
    shows(run, TaskState.IMAGE_UPLOADING)
    request = GuestSnapshotUpload(
        id=ref.id,
        name=ref.name,
        snapshot=run.args["image_id"],
        url=ImageManager(run.context).upload_url(run.args["image_id"]),
    )
    return UPLOAD_SNAPSHOT.order(host=instance.host, resource_id=ref.id, payload=request)


#: What a server shows while an image is made of it.
TASKS = (
    TaskState.IMAGE_SNAPSHOT,
    TaskState.IMAGE_BACKUP,
    TaskState.IMAGE_PENDING_UPLOAD,
    TaskState.IMAGE_UPLOADING,
)


def shows(run: Run, task: TaskState, *, among: Collection[TaskState] = TASKS) -> None:
    """Show how far it is, unless something else is done to the server by now."""
    rows = Instance.objects.filter(id=run.resource_id, task_state__in=among)
    rows.update(task_state=task, updated_at=now())
    run.memory.pop(ROW, None)


def give_up(run: Run) -> None:
    """An image that never got its data is none."""
    ImageManager(run.context).abandon(run.args["image_id"])


class CreateImage(Saga):
    """Make an image of the disk a server boots from, and let it run on; what failed leaves no image.

    Who deletes the image calls it off.
    """

    kind = "instances.create_image"
    resource_type = "instance"
    deadline = timedelta(hours=24)
    steps = (
        Step("copy_disk", copy_disk, undo=drop_copy, done=disk_copied),
        Step("bring_copy", bring_copy, pivot=True),
        Step("drop_copy", drop_copy, owes=True, max_failures=10),
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The image: who deletes it turns this back."""
        return [Resource("image", args["image_id"])]

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server is as before, or as its guest was seen last."""
        rest(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """So it is when it failed, or when the image or the server is being deleted."""
        give_up(run)
        rest(run)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up needs an operator; the server can be used all the same."""
        cls.on_undone(run, failure)


class BackupInstance(CreateImage):
    """Make an image, then delete the oldest of its kind: ``rotation`` of them are kept."""

    kind = "instances.create_backup"

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server is as before."""
        super().on_done(run)
        manager, new = ImageManager(run.context), run.args["image_id"]
        with suppress(NotFound):  # it was deleted at the last moment
            image = manager.get(new)
            _rotate(manager, image.project_id, image.custom_properties, keep=run.args["rotation"])


def _rotate(
    manager: ImageManager, project_id: str, properties: Mapping[str, str], *, keep: int
) -> None:
    alike = {name: properties.get(name, "") for name in OF_A_BACKUP}
    wanted = ImageFilter(
        any_of={"status": (states.ACTIVE,)}, project_id=project_id, properties=alike
    )
    for old in manager.list(wanted=wanted, limit=MOST).rows[keep:]:
        with suppress(CloudwebError):  # it is protected, or in use
            manager.delete(old.id)


def rest(run: Run) -> None:
    """Let the server show no task of an image."""
    for task in TASKS:
        no_task(run, task)


def forget_image(run: Run, image_id: str) -> None:
    """Delete the image of a server that was shelved; what stands against it is not our affair."""
    if image_id:
        with suppress(CloudwebError):
            ImageManager(run.context).delete(image_id)
