"""Badges: a state in a word, a colour and an icon, the same on every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from instances.states import PowerState, TaskState, VmState

if TYPE_CHECKING:
    from image.models import Image
    from instances.models import Instance


@dataclass(frozen=True, slots=True)
class Badge:
    """``tone`` is success, info, neutral, warning or danger; ``busy`` turns the icon."""

    text: str
    tone: str
    icon: str
    hint: str = ""
    busy: bool = False


_SERVER = {
    VmState.BUILDING: Badge("Building", "info", "loader-2", busy=True),
    VmState.ACTIVE: Badge("Running", "success", "player-play"),
    VmState.STOPPED: Badge("Stopped", "neutral", "player-stop"),
    VmState.PAUSED: Badge(
        "Paused", "warning", "player-pause", "It stands still; its memory is kept."
    ),
    VmState.SUSPENDED: Badge("Suspended", "neutral", "moon", "Its memory is on its host's disk."),
    VmState.RESCUED: Badge(
        "Rescued", "warning", "lifebuoy", "It runs from a rescue disk, its own beside it."
    ),
    VmState.RESIZED: Badge(
        "Resized", "warning", "arrows-maximize", "Confirm its new size, or revert it."
    ),
    VmState.SHELVED: Badge(
        "Shelved", "neutral", "box", "Its disk is in an image, and on its host."
    ),
    VmState.SHELVED_OFFLOADED: Badge(
        "Shelved", "neutral", "box", "Its disk is in an image or a volume; it has no host."
    ),
    VmState.SOFT_DELETED: Badge("Deleted", "warning", "trash", "It can still be restored."),
    VmState.ERROR: Badge("Error", "danger", "alert-triangle"),
    VmState.DELETED: Badge("Deleted", "neutral", "trash"),
}
#: Tasks that a badge does not call by their own label.
_TASK = {
    TaskState.SCHEDULING: "Building",
    TaskState.NETWORKING: "Building",
    TaskState.SPAWNING: "Building",
    TaskState.REBOOTING_HARD: "Rebooting",
    TaskState.RESCUING: "Starting rescue",
    TaskState.UNRESCUING: "Ending rescue",
    TaskState.REBUILDING: "Rebuilding",
    TaskState.REBUILD_SPAWNING: "Rebuilding",
}
#: Power as a person says it: a guest that is not there is off.
_POWER = {PowerState.NOSTATE: "Off", PowerState.SHUTDOWN: "Off"}
_IMAGE = {
    "queued": Badge("Waiting for data", "neutral", "clock"),
    "saving": Badge("Uploading", "info", "loader-2", busy=True),
    "uploading": Badge("Uploading", "info", "loader-2", busy=True),
    "importing": Badge("Importing", "info", "loader-2", busy=True),
    "active": Badge("Ready", "success", "check"),
    "deactivated": Badge(
        "Withheld", "warning", "lock", "Its data is withheld until it is reactivated."
    ),
    "killed": Badge("Failed", "danger", "alert-triangle"),
    "deleted": Badge("Deleting", "neutral", "trash"),
}


def server_badge(instance: Instance) -> Badge:
    """Return what a server is, or what is being done to it."""
    if instance.task_state:
        task = TaskState(instance.task_state)
        hint = str(task.label)
        text = _TASK.get(task) or hint.capitalize()
        tone = "warning" if instance.task_state == TaskState.DELETING else "info"
        return Badge(text, tone, "loader-2", hint, busy=True)
    if instance.vm_state == VmState.ACTIVE and instance.power_state == PowerState.PAUSED:
        return Badge("Paused", "warning", "player-pause", "Its host paused it.")
    if instance.vm_state == VmState.STOPPED and instance.power_state == PowerState.CRASHED:
        return Badge("Crashed", "danger", "alert-triangle", "The guest stopped by itself.")
    return _SERVER[VmState(instance.vm_state)]


def power_text(state: int) -> str:
    """Say whether a guest's power is on."""
    found = PowerState(state)
    return _POWER.get(found) or str(found.label).capitalize()


def is_busy(instance: Instance) -> bool:
    """Tell whether something is being done to it."""
    return instance.task_state is not None or instance.vm_state == VmState.BUILDING


def image_badge(image: Image) -> Badge:
    """Return what can be done with an image."""
    return _IMAGE[image.status]
