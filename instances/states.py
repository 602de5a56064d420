"""The states of a server, and the words that show them; what may start from each: ``actions``.

Nova's three axes (contract 10.1): ``vm_state`` is what is stable, ``task_state`` what is being done,
``power_state`` what the hypervisor sees.
"""

from __future__ import annotations

from django.db.models import IntegerChoices, TextChoices


class VmState(TextChoices):
    """The stable states that this release reaches."""

    BUILDING = "building", "building"
    ACTIVE = "active", "active"
    STOPPED = "stopped", "stopped"
    PAUSED = "paused", "paused"
    SUSPENDED = "suspended", "suspended"
    RESCUED = "rescued", "rescued"
    RESIZED = "resized", "resized"
    SHELVED = "shelved", "shelved"
    SHELVED_OFFLOADED = "shelved_offloaded", "shelved, on no host"
    SOFT_DELETED = "soft-delete", "deleted for now"
    ERROR = "error", "error"
    DELETED = "deleted", "deleted"


class PowerState(IntegerChoices):
    """What the hypervisor sees, by Nova's numbers."""

    NOSTATE = 0, "no state"
    RUNNING = 1, "running"
    PAUSED = 3, "paused"
    SHUTDOWN = 4, "shut down"
    CRASHED = 6, "crashed"
    SUSPENDED = 7, "suspended"


#: How a guest is that does not run, and will not by itself.
OFF = (PowerState.SHUTDOWN, PowerState.CRASHED)


class TaskState(TextChoices):
    """What may be under way."""

    SCHEDULING = "scheduling", "choosing a host"
    BLOCK_DEVICE_MAPPING = "block_device_mapping", "making volumes"
    NETWORKING = "networking", "making ports"
    SPAWNING = "spawning", "starting the guest"
    POWERING_OFF = "powering-off", "stopping"
    POWERING_ON = "powering-on", "starting"
    REBOOTING = "rebooting", "rebooting"
    REBOOTING_HARD = "rebooting_hard", "rebooting hard"
    PAUSING = "pausing", "pausing"
    UNPAUSING = "unpausing", "unpausing"
    SUSPENDING = "suspending", "suspending"
    RESUMING = "resuming", "resuming"
    RESCUING = "rescuing", "starting from a rescue disk"
    UNRESCUING = "unrescuing", "going back to its own disk"
    REBUILDING = "rebuilding", "making way for a new disk"
    REBUILD_SPAWNING = "rebuild_spawning", "starting from a new disk"
    RESIZE_PREP = "resize_prep", "finding a place for its resize"
    RESIZE_MIGRATING = "resize_migrating", "stopping for its resize"
    RESIZE_MIGRATED = "resize_migrated", "moving its disks"
    RESIZE_FINISH = "resize_finish", "being resized"
    RESIZE_CONFIRMING = "resize_confirming", "confirming its resize"
    RESIZE_REVERTING = "resize_reverting", "going back to its old size"
    MIGRATING = "migrating", "going to another host"
    ATTACHING_VOLUME = "attaching_volume", "attaching a volume"
    DETACHING_VOLUME = "detaching_volume", "detaching a volume"
    IMAGE_SNAPSHOT = "image_snapshot", "copying its disk for an image"
    IMAGE_BACKUP = "image_backup", "copying its disk for a backup"
    IMAGE_PENDING_UPLOAD = "image_pending_upload", "bringing the copy to its image"
    IMAGE_UPLOADING = "image_uploading", "uploading an image of it"
    ATTACHING_INTERFACE = "attaching_interface", "attaching a network card"
    DETACHING_INTERFACE = "detaching_interface", "detaching a network card"
    SWAPPING_VOLUME = "swapping_volume", "exchanging a volume"
    SHELVING = "shelving", "being shelved"
    SHELVING_IMAGE_PENDING_UPLOAD = (
        "shelving_image_pending_upload",
        "bringing its disk to an image",
    )
    SHELVING_IMAGE_UPLOADING = "shelving_image_uploading", "uploading its disk"
    SHELVING_OFFLOADING = "shelving_offloading", "leaving its host"
    UNSHELVING = "unshelving", "coming back from the shelf"
    SOFT_DELETING = "soft-deleting", "being deleted for now"
    RESTORING = "restoring", "being restored"
    DELETING = "deleting", "deleting"


POWER_STATES = {
    "nostate": PowerState.NOSTATE,
    "running": PowerState.RUNNING,
    "paused": PowerState.PAUSED,
    "shutdown": PowerState.SHUTDOWN,
    "crashed": PowerState.CRASHED,
    "suspended": PowerState.SUSPENDED,
}

V = VmState
T = TaskState

#: What a server that rests becomes when its guest is seen so: powers, the states it had, the new one.
#: A guest that its host paused (a full disk) goes on by itself: its server stays ACTIVE.
#: One that is RESIZED waits to be decided, whatever its guest does: its power tells what it is then.
SETTLES: tuple[tuple[tuple[PowerState, ...], tuple[VmState, ...], VmState], ...] = (
    (OFF, (V.ACTIVE, V.PAUSED, V.SUSPENDED), V.STOPPED),
    ((PowerState.RUNNING,), (V.STOPPED, V.PAUSED, V.SUSPENDED), V.ACTIVE),
    ((PowerState.SUSPENDED,), (V.ACTIVE, V.PAUSED, V.STOPPED), V.SUSPENDED),
)


def settled(vm_state: str, power: PowerState) -> VmState | None:
    """Return what a resting server becomes by its guest's power; None where it stays what it is."""
    return next((new for powers, old, new in SETTLES if power in powers and vm_state in old), None)


_STATUS: dict[str, str] = {
    V.BUILDING: "BUILD",
    V.ACTIVE: "ACTIVE",
    V.STOPPED: "SHUTOFF",
    V.PAUSED: "PAUSED",
    V.SUSPENDED: "SUSPENDED",
    V.RESCUED: "RESCUE",
    V.RESIZED: "VERIFY_RESIZE",
    V.SHELVED: "SHELVED",
    V.SHELVED_OFFLOADED: "SHELVED_OFFLOADED",
    V.SOFT_DELETED: "SOFT_DELETED",
    V.ERROR: "ERROR",
    V.DELETED: "DELETED",
}
#: The tasks of a resize or a cold migration, in their order.
RESIZING = (T.RESIZE_PREP, T.RESIZE_MIGRATING, T.RESIZE_MIGRATED, T.RESIZE_FINISH)
_OVERRIDES: dict[tuple[str, str | None], str] = {
    (V.ACTIVE, T.REBOOTING): "REBOOT",
    (V.ACTIVE, T.REBOOTING_HARD): "HARD_REBOOT",
    **{
        (state, task): "REBUILD"
        for state in (V.ACTIVE, V.STOPPED, V.ERROR)
        for task in (T.REBUILDING, T.REBUILD_SPAWNING)
    },
    **{(vm_state, task): "RESIZE" for vm_state in (V.ACTIVE, V.STOPPED) for task in RESIZING},
    (V.RESIZED, T.RESIZE_REVERTING): "REVERT_RESIZE",
    **{(vm_state, T.MIGRATING): "MIGRATING" for vm_state in (V.ACTIVE, V.PAUSED)},
}
#: Statuses that show progress (contract 3.8).
WITH_PROGRESS = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})


def status_of(vm_state: str, task_state: str | None) -> str:
    """Return the status word of the API."""
    found = _OVERRIDES.get((vm_state, task_state))
    return found or _STATUS.get(vm_state, "UNKNOWN")


def vm_states_of(status: str) -> set[str]:
    """Return the vm_states that a status filter may mean; empty for an unknown word."""
    word = status.upper()
    found = {state for state, name in _STATUS.items() if name == word}
    return found | {pair[0] for pair, name in _OVERRIDES.items() if name == word}


def spans_of(status: str) -> list[tuple[str, str | None, frozenset[str]]]:
    """Return what shows a status: (vm_state, task_state, task_states that show another word).

    ``task_state`` None is any but those.
    """
    word = status.upper()
    found: list[tuple[str, str | None, frozenset[str]]] = []
    for state, name in _STATUS.items():
        if name == word:
            others = frozenset(task for vm, task in _OVERRIDES if vm == state and task is not None)
            found.append((state, None, others))
    found += [(vm, task, frozenset()) for (vm, task), name in _OVERRIDES.items() if name == word]
    return found
