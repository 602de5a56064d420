"""Volume types, and clients of the block storage API, for tests."""

from __future__ import annotations

import itertools
from typing import Any

from tests.builders.api import ApiClient
from tests.builders.compute import make_context
from volume.models import QosSpec, VolumeType, VolumeTypeAccess

_numbers = itertools.count(1)


def volume_client(role: str | None = "member", version: str | None = None, **who: Any) -> ApiClient:
    """Return a client of /volume/v3; role None is nobody."""
    context = None if role is None else make_context(role, **who)
    return ApiClient(context, version=version, prefix="/volume/v3", service="volume")


def make_volume_type(name: str = "", *, projects: tuple[str, ...] = (), **facts: Any) -> VolumeType:
    """Return a type, private where projects are named."""
    made = VolumeType.objects.create(
        name=name or f"type-{next(_numbers)}", **{"is_public": not projects, **facts}
    )
    for project in projects:
        VolumeTypeAccess.objects.create(volume_type=made, project_id=project)
    return made


def make_qos_spec(name: str = "", **specs: str) -> QosSpec:
    """Return QoS specs that no type refers to."""
    return QosSpec.objects.create(
        name=name or f"qos-{next(_numbers)}", specs=specs or {"total_iops_sec": "500"}
    )
