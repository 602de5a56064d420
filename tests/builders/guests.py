"""Guests as the control plane orders them."""

from __future__ import annotations

import uuid
from typing import Any

from cloudweb.image_cache.source import ImageSource
from compute.objects import (
    GuestDisk,
    GuestInterface,
    GuestRef,
    GuestSpec,
    RebootRequest,
)

MIB = 1024**2


def make_image(**overrides: Any) -> ImageSource:
    """Return an image a host could fetch."""
    values: dict[str, Any] = {
        "id": "demo",
        "url": "http://127.0.0.1/demo",
        "sha512": "0" * 128,
        "size": MIB,
        "disk_format": "qcow2",
        "virtual_size": 64 * MIB,
    }
    return ImageSource(**{**values, **overrides})


def make_interface(**overrides: Any) -> GuestInterface:
    """Return a network card whose tap the test makes itself."""
    values = {"port_id": str(uuid.uuid4()), "mac": "fa:16:3e:00:00:01", "tap": "tap0"}
    return GuestInterface(**{**values, **overrides})


def make_guest(**overrides: Any) -> GuestSpec:
    """Return a small guest with one disk."""
    guest_id = overrides.pop("id", str(uuid.uuid4()))
    values: dict[str, Any] = {
        "id": guest_id,
        "name": f"instance-{guest_id[:8]}",
        "project_id": "p1",
        "vcpus": 1,
        "ram": 128,
        "disks": (GuestDisk(image=make_image(), size=128 * MIB),),
    }
    return GuestSpec(**{**values, **overrides})


def ref(spec: GuestSpec) -> GuestRef:
    """Return the name of a guest."""
    return GuestRef(id=spec.id, name=spec.name)


def make_reboot(guest: GuestSpec, **overrides: Any) -> RebootRequest:
    """Return a reboot of a guest."""
    values: dict[str, Any] = {"id": guest.id, "name": guest.name, "kind": "HARD", "timeout": 5}
    return RebootRequest(**{**values, **overrides})
