"""Hypervisors on the wire (contract 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.shown import Always, Form, Of, Scene, Seen, shown
from cloudweb.microversions.compute import since, until
from compute.manager import Hypervisor

#: Ids are numbers, and searching is a call of its own.
NUMERIC = until(52)
#: Where a processor is described by an object, and where servers are a list even without any.
_AS_OBJECT, _ALWAYS_LISTED = since(28), since(75)


class Guest(Answer):
    """A server by the name its hypervisor knows it by."""

    name: str
    uuid: str


def _id(item: Hypervisor, scene: Scene) -> str | int:
    return item.host.number if scene.at(NUMERIC) else str(item.host.id)


def _agent(item: Hypervisor, scene: Scene) -> dict[str, Any]:
    agent = item.service
    return {
        "id": agent and (agent.number if scene.at(NUMERIC) else str(agent.id)),
        "host": item.host.name,
        "disabled_reason": item.host.disabled_reason or None,
    }


def _processor(item: Hypervisor, scene: Scene) -> str | dict[str, str]:
    facts = {"arch": item.host.architecture, "model": item.host.cpu_model}
    return facts if scene.at(_AS_OBJECT) else orjson.dumps(facts).decode()


def _guests(item: Hypervisor) -> list[dict[str, str]]:
    """Return the guests that the hypervisor told of, by the names it knows them by."""
    return [{"name": guest["name"], "uuid": guest["id"]} for guest in item.host.guests]


def _least_free(item: Hypervisor) -> int:
    """Return what is left of the disk, by promises or as it was measured."""
    least, measured = item.host.disk - item.host.disk_used_in_all, item.host.measured_disk_free
    return least if measured is None else min(least, measured)


class HypervisorBrief(Answer):
    """A hypervisor as GET /os-hypervisors lists it; its id is a number up to 2.52."""

    id: Annotated[str | int, Seen(_id)]
    hypervisor_hostname: Annotated[str, Of("host.name")]
    state: Annotated[
        Literal["up", "down"], Of(lambda one: "up" if one.service and one.service.up else "down")
    ]
    status: Annotated[
        Literal["enabled", "disabled"],
        Of(lambda one: "enabled" if one.host.enabled else "disabled"),
    ]
    servers: Annotated[list[Guest], Of(_guests)] = Field(
        [], description="Where they were asked for."
    )


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

    hypervisor_type: Annotated[str, Of("host.hypervisor_type")]
    hypervisor_version: Annotated[int, Of("host.hypervisor_version")]
    # Hosts do not say by which address others reach them.
    host_ip: Annotated[str | None, Always(None)]
    service: Annotated[HypervisorAgent, Seen(_agent)]
    uptime: Annotated[str | None, since(88), Form(lambda text: text or None)]
    cpu_info: Annotated[str | dict[str, str], until(87), Seen(_processor)]
    vcpus: Annotated[int, until(87), Of("host.vcpus")]
    vcpus_used: Annotated[int, until(87), Of("host.vcpus_used_in_all")]
    memory_mb: Annotated[int, until(87), Of("host.ram")]
    memory_mb_used: Annotated[int, until(87), Of("host.ram_used_in_all")]
    free_ram_mb: Annotated[int, until(87), Of(lambda one: one.host.ram - one.host.ram_used_in_all)]
    local_gb: Annotated[int, until(87), Of("host.disk")]
    local_gb_used: Annotated[int, until(87), Of("host.disk_used_in_all")]
    free_disk_gb: Annotated[
        int, until(87), Of(lambda one: one.host.disk - one.host.disk_used_in_all)
    ]
    disk_available_least: Annotated[int, until(87), Of(_least_free)]
    running_vms: Annotated[int, until(87), Of("host.running_guests")]
    current_workload: Annotated[int, until(87), Always(0)]


class HypervisorSums(Answer):
    """The sums over all hypervisors."""

    count: int
    vcpus: int
    vcpus_used: int
    memory_mb: Annotated[int, Of("ram")]
    memory_mb_used: Annotated[int, Of("ram_used")]
    free_ram_mb: Annotated[int, Of(lambda sums: sums.ram - sums.ram_used)]
    local_gb: Annotated[int, Of("disk")]
    local_gb_used: Annotated[int, Of("disk_used")]
    free_disk_gb: Annotated[int, Of(lambda sums: sums.disk - sums.disk_used)]
    disk_available_least: Annotated[int, Of(lambda sums: sums.disk - sums.disk_used)]
    running_vms: Annotated[int, Of("running_guests")]
    current_workload: Annotated[int, Always(0)]


def hypervisors(
    answer: type[HypervisorBrief],
    items: Iterable[Hypervisor],
    scene: Scene,
    *,
    with_servers: bool = False,
) -> list[dict[str, Any]]:
    """Return hypervisors; before 2.75 the key of their servers is not there where there are none."""
    rows = shown(answer, items, scene)
    for row in rows:
        if not (with_servers and (row["servers"] or scene.at(_ALWAYS_LISTED))):
            del row["servers"]
    return rows
