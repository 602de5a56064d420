"""Servers as plain values, read as tuples: what a list shows, without a model for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from django.db.models import TextField, Value

from cloudweb.database.uuids import Dashed
from instances.querysets import InstanceQuerySet


class ServerName(NamedTuple):
    """A server as a brief list shows it."""

    id: str
    name: str


class ServerRow(NamedTuple):
    """A server as a list shows it; the names are those of the model."""

    id: str
    name: str
    project_id: str
    user_id: str
    hostname: str
    description: str | None
    vm_state: str
    task_state: str | None
    power_state: int
    host: str
    zone: str
    wanted_zone: str
    flavor_id: str
    flavor_name: str
    vcpus: int
    ram: int
    disk: int
    ephemeral: int
    swap: int
    extra_specs: dict[str, str]
    image_id: str
    key_name: str | None
    user_data: str
    config_drive: bool
    metadata: dict[str, str]
    tags: list[str]
    access_ip_v4: str
    access_ip_v6: str
    disk_config: str
    reservation_id: str
    launch_index: int
    locked_by: str
    locked_reason: str
    fault_code: int | None
    fault_message: str
    fault_detail: str
    fault_at: datetime | None
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None
    terminated_at: datetime | None

    @property
    def hypervisor_name(self) -> str:
        """What the hypervisor calls the guest."""
        return hypervisor_name(self.id)


def server_names(rows: InstanceQuerySet) -> list[ServerName]:
    """Read rows for a brief list."""
    return [*map(ServerName._make, rows.values_list(Dashed("id"), "name"))]


def server_rows(rows: InstanceQuerySet, *, with_user_data: bool) -> list[ServerRow]:
    """Read rows for a list; user data, which may be large, only where it is shown."""
    left_out: dict[str, Any] = {"user_data": Value("", output_field=TextField())}
    columns: dict[str, Any] = {"id": Dashed("id")} | ({} if with_user_data else left_out)
    wanted = [columns.get(name, name) for name in ServerRow._fields]
    # A defer() of the rows counts for models alone.
    return [*map(ServerRow._make, cast(Sequence[Any], rows.values_list(*wanted)))]


def hypervisor_name(instance_id: str) -> str:
    """Return what the hypervisor calls the guest of a server."""
    return f"instance-{instance_id.replace('-', '')[:12]}"
