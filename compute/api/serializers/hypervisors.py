"""Hypervisors on the wire (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.versioned import leave_out
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since, until
from compute.manager import Hypervisor, Statistics
from compute.models import Host

#: Ids are numbers, and searching is a call of its own.
NUMERIC = until(52)


class Guest(Answer):
    """A server by the name its hypervisor knows it by."""

    name: str
    uuid: str


class HypervisorBrief(Answer):
    """A hypervisor as GET /os-hypervisors lists it; its id is a number up to 2.52."""

    id: str | int
    hypervisor_hostname: str
    state: Literal["up", "down"]
    status: Literal["enabled", "disabled"]
    servers: list[Guest] = Field([], description="Where they were asked for.")


class HypervisorUptime(HypervisorBrief):
    """A hypervisor with its uptime alone."""

    uptime: str | None


class HypervisorAgent(Answer):
    """The service that a hypervisor's orders go to."""

    id: str | int | None
    host: str
    disabled_reason: str | None


class HypervisorShown(HypervisorBrief):
    """A hypervisor with everything; what its processor is like is a text up to 2.27."""

    hypervisor_type: str
    hypervisor_version: int
    host_ip: str | None
    service: HypervisorAgent
    uptime: Annotated[str | None, since(88)]
    cpu_info: Annotated[str | dict[str, str], until(87)]
    vcpus: Annotated[int, until(87)]
    vcpus_used: Annotated[int, until(87)]
    memory_mb: Annotated[int, until(87)]
    memory_mb_used: Annotated[int, until(87)]
    free_ram_mb: Annotated[int, until(87)]
    local_gb: Annotated[int, until(87)]
    local_gb_used: Annotated[int, until(87)]
    free_disk_gb: Annotated[int, until(87)]
    disk_available_least: Annotated[int, until(87)]
    running_vms: Annotated[int, until(87)]
    current_workload: Annotated[int, until(87)]


class HypervisorSums(Answer):
    """The sums over all hypervisors."""

    count: int
    vcpus: int
    vcpus_used: int
    memory_mb: int
    memory_mb_used: int
    free_ram_mb: int
    local_gb: int
    local_gb_used: int
    free_disk_gb: int
    disk_available_least: int
    running_vms: int
    current_workload: int


def brief(item: Hypervisor, version: Microversion, *, with_servers: bool = False) -> dict[str, Any]:
    """Return a hypervisor as GET /os-hypervisors lists it."""
    host, agent = item.host, item.service
    data: dict[str, Any] = {
        "id": host.number if version in NUMERIC else str(host.id),
        "hypervisor_hostname": host.name,
        "state": "up" if agent and agent.up else "down",
        "status": "enabled" if host.enabled else "disabled",
    }
    if with_servers and (host.guests or version in since(75)):
        data["servers"] = _servers(host)
    return data


def full(item: Hypervisor, version: Microversion, *, with_servers: bool = False) -> dict[str, Any]:
    """Return a hypervisor with everything."""
    host, agent = item.host, item.service
    number = agent and (agent.number if version in NUMERIC else str(agent.id))
    data = {
        **brief(item, version, with_servers=with_servers),
        **_capacity(host, version),
        "hypervisor_type": host.hypervisor_type,
        "hypervisor_version": host.hypervisor_version,
        "host_ip": None,  # hosts do not say by which address others reach them
        "service": {
            "id": number,
            "host": host.name,
            "disabled_reason": host.disabled_reason or None,
        },
        "uptime": item.uptime or None,
    }
    return leave_out(HypervisorShown, version, data)


def uptime(item: Hypervisor, version: Microversion) -> dict[str, Any]:
    """Return a hypervisor with its uptime alone, to 2.87."""
    return brief(item, version) | {"uptime": item.uptime}


def searched(item: Hypervisor, version: Microversion) -> dict[str, Any]:
    """Return a hypervisor with its servers as the calls to 2.52 do: no key where there are none."""
    data = brief(item, version)
    servers = _servers(item.host)
    return {**data, "servers": servers} if servers else data


def statistics(sums: Statistics) -> dict[str, int]:
    """Return the sums over all hypervisors, to 2.87."""
    return {
        "count": sums.count,
        "vcpus": sums.vcpus,
        "vcpus_used": sums.vcpus_used,
        "memory_mb": sums.ram,
        "memory_mb_used": sums.ram_used,
        "free_ram_mb": sums.ram - sums.ram_used,
        "local_gb": sums.disk,
        "local_gb_used": sums.disk_used,
        "free_disk_gb": sums.disk - sums.disk_used,
        "disk_available_least": sums.disk - sums.disk_used,
        "running_vms": sums.running_guests,
        "current_workload": 0,
    }


def _servers(host: Host) -> list[dict[str, str]]:
    """Return the guests that the hypervisor told of, by the names it knows them by."""
    return [{"name": guest["name"], "uuid": guest["id"]} for guest in host.guests]


def _capacity(host: Host, version: Microversion) -> dict[str, Any]:
    """Return what versions before 2.88 tell of a host's size."""
    cpu_info = {"arch": host.architecture, "model": host.cpu_model}
    least = host.disk - host.disk_used_in_all
    if host.measured_disk_free is not None:
        least = min(least, host.measured_disk_free)
    return {
        "cpu_info": cpu_info if version in since(28) else orjson.dumps(cpu_info).decode(),
        "vcpus": host.vcpus,
        "vcpus_used": host.vcpus_used,
        "memory_mb": host.ram,
        "memory_mb_used": host.ram_used_in_all,
        "free_ram_mb": host.ram - host.ram_used_in_all,
        "local_gb": host.disk,
        "local_gb_used": host.disk_used_in_all,
        "free_disk_gb": host.disk - host.disk_used_in_all,
        "disk_available_least": least,
        "running_vms": host.running_guests,
        "current_workload": 0,
    }
