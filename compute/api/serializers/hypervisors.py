"""Hypervisors on the wire (contract 3.4)."""

from __future__ import annotations

from typing import Any

import orjson

from cloudweb.api.microversion import Transform, older, without
from cloudweb.microversions import Microversion
from compute.manager import Hypervisor, Statistics
from compute.models import Host


def brief(item: Hypervisor, version: Microversion, *, with_servers: bool = False) -> dict[str, Any]:
    """Return a hypervisor as GET /os-hypervisors lists it."""
    return older(_brief(item, with_servers=with_servers), version, _changes(item))


def full(item: Hypervisor, version: Microversion, *, with_servers: bool = False) -> dict[str, Any]:
    """Return a hypervisor with everything."""
    host, agent = item.host, item.service
    data = {
        **_brief(item, with_servers=with_servers),
        "hypervisor_type": host.hypervisor_type,
        "hypervisor_version": host.hypervisor_version,
        "host_ip": None,  # hosts do not say by which address others reach them
        "service": {
            "id": str(agent.id) if agent else None,
            "host": host.name,
            "disabled_reason": host.disabled_reason or None,
        },
        "uptime": item.uptime or None,
    }
    restore: tuple[Transform, ...] = (
        (Microversion(2, 28), _cpu_info_as_text),
        (Microversion(2, 88), lambda data: data.update(_capacity(host))),
    )
    return older(data, version, sorted((*_changes(item), *restore), key=lambda change: change[0]))


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


def _brief(item: Hypervisor, *, with_servers: bool) -> dict[str, Any]:
    host, agent = item.host, item.service
    data: dict[str, Any] = {
        "id": str(host.id),
        "hypervisor_hostname": host.name,
        "state": "up" if agent and agent.up else "down",
        "status": "enabled" if host.enabled else "disabled",
    }
    if with_servers:
        data["servers"] = _servers(host)
    return data


def _servers(host: Host) -> list[dict[str, str]]:
    """Return the guests that the hypervisor told of, by the names it knows them by."""
    return [{"name": guest["name"], "uuid": guest["id"]} for guest in host.guests]


def _changes(item: Hypervisor) -> tuple[Transform, ...]:
    def numbers_for_ids(data: dict[str, Any]) -> None:
        data["id"] = item.host.number
        if "service" in data:
            number = item.service.number if item.service else None
            data["service"] = {**data["service"], "id": number}
        data.pop("servers", None)

    def no_empty_servers(data: dict[str, Any]) -> None:
        if not data.get("servers", True):
            del data["servers"]

    return (
        (Microversion(2, 53), numbers_for_ids),
        (Microversion(2, 75), no_empty_servers),
        (Microversion(2, 88), without("uptime")),
    )


def _capacity(host: Host) -> dict[str, Any]:
    """Return what versions before 2.88 tell of a host's size."""
    least = host.disk - host.disk_used_in_all
    if host.measured_disk_free is not None:
        least = min(least, host.measured_disk_free)
    return {
        "cpu_info": {"arch": host.architecture, "model": host.cpu_model},
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


def _cpu_info_as_text(data: dict[str, Any]) -> None:
    if "cpu_info" in data:
        data["cpu_info"] = orjson.dumps(data["cpu_info"]).decode()
