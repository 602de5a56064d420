"""Addresses of networks on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from cloudweb.api.answers import Answer
from cloudweb.api.filters import equal, identifier
from cloudweb.api.rendering import any_size
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of
from network.api.serializers.attributes import Selectable
from network.manager.ip_availability import SubnetAvailability


class SubnetAvailabilityShown(Answer):
    """What a subnet has."""

    subnet_id: str
    subnet_name: str
    cidr: str
    ip_version: int
    total_ips: int
    used_ips: int


def _subnet(row: SubnetAvailability) -> dict[str, Any]:
    return {**row._asdict(), "total_ips": any_size(row.total_ips)}


class IpAvailabilityShown(Selectable):
    """What a network's subnets have together."""

    network_id: Annotated[str, Of("id"), Form(str)]
    network_name: Annotated[str, Of("name")]
    tenant_id: Annotated[str, Of("project_id")]
    project_id: str
    total_ips: Annotated[int, Form(any_size)]
    used_ips: int
    subnet_ip_availability: Annotated[
        list[SubnetAvailabilityShown], Of(lambda row: [*map(_subnet, row.subnets)])
    ]


IP_AVAILABILITY = Resource(
    singular="network_ip_availability",
    plural="network_ip_availabilities",
    answer=IpAvailabilityShown,
    filters={
        "network_id": identifier("id"),
        "network_name": equal("name"),
        "tenant_id": equal("project_id"),
        "project_id": equal("project_id"),
    },
    sort_keys={"network_id": "id", "network_name": "name", "tenant_id": "project_id"},
)
