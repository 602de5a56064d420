"""Images that are made of servers."""

from __future__ import annotations

from instances.actions.record import Button, InstanceAction
from instances.operations import BackupInstance, CreateImage
from instances.states import TaskState as T
from instances.states import VmState as V

CREATE_IMAGE = InstanceAction(
    name="create_image",
    vm_states={V.ACTIVE, V.STOPPED, V.PAUSED, V.SUSPENDED},
    shows=(T.IMAGE_SNAPSHOT, T.IMAGE_PENDING_UPLOAD, T.IMAGE_UPLOADING),
    saga=CreateImage,
    policy="compute:servers:create_image",
    wire="createImage",
    body="CreateImage",
    answer="ImageMade",
    spoken="createImage",
    button=Button(
        label="Create image",
        seldom=True,
        icon="camera",
        done="{} is being copied to an image.",
        warning="Its disk is copied as it is now; it runs on meanwhile. "
        "New servers can be made of the image.",
        warning_all="Their disks are copied as they are now; they run on meanwhile.",
        mild=True,
    ),
)

CREATE_BACKUP = InstanceAction(
    name="create_backup",
    vm_states=CREATE_IMAGE.vm_states,
    shows=(T.IMAGE_BACKUP, T.IMAGE_PENDING_UPLOAD, T.IMAGE_UPLOADING),
    saga=BackupInstance,
    policy="compute:servers:create_backup",
    wire="createBackup",
    body="CreateBackup",
    answer="ImageMade",
    spoken="createBackup",
)
