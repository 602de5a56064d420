"""The kinds of disks that servers have, how far each is, and by what names they go."""

from __future__ import annotations

import re
from collections.abc import Collection

from django.db.models import TextChoices

#: The disk a server boots from, and those that may stand beside it. ``vdz`` is the config drive's.
ROOT = "vda"
NAMES = tuple(f"vd{letter}" for letter in "bcdefghijklmnopqrstuvwxy")
#: New volumes that one create makes.
MADE_AT_MOST = 4
_ASKED = re.compile(r"^(?:/dev/)?(?:x?v|s|h)d([a-y])\Z")


class SourceType(TextChoices):
    """What a disk is made from."""

    IMAGE = "image", "image"
    SNAPSHOT = "snapshot", "snapshot"
    VOLUME = "volume", "volume"
    BLANK = "blank", "nothing"


class DestinationType(TextChoices):
    """Where a disk lies."""

    LOCAL = "local", "on the host"
    VOLUME = "volume", "in a volume"


class DiskStatus(TextChoices):
    """How far a disk is in its server."""

    ATTACHING = "attaching", "on its way in"
    ATTACHED = "attached", "in the server"
    DETACHING = "detaching", "on its way out"


def asked_name(device: str) -> str | None:
    """Return the name of ours that a device is asked for by: vdc for /dev/sdc; None for another form."""
    found = _ASKED.match(device)
    return f"vd{found[1]}" if found else None


def free_name(taken: Collection[str]) -> str | None:
    """Return the first name that no disk has; None where there are too many."""
    return next((name for name in NAMES if name not in taken), None)
