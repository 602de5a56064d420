"""What each version of the compute API shows."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.test import RequestFactory

from cloudweb.api.answers import Answer
from cloudweb.api.shown import Scene, shown
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import COMPUTE
from compute.api.serializers.flavors import FlavorShown
from compute.api.serializers.hypervisors import HypervisorShown
from compute.api.serializers.services import ServiceShown
from compute.manager import Hypervisor, ServiceInfo
from compute.models import Flavor, Host

#: What a host's size was told by.
SIZE = {
    "cpu_info",
    "current_workload",
    "disk_available_least",
    "free_disk_gb",
    "free_ram_mb",
    "local_gb",
    "local_gb_used",
    "memory_mb",
    "memory_mb_used",
    "running_vms",
    "vcpus",
    "vcpus_used",
}
ID = UUID("11111111-2222-3333-4444-555555555555")


def make_info(**overrides: Any) -> ServiceInfo:
    facts: dict[str, Any] = {
        "number": 5,
        "id": ID,
        "binary": "nova-compute",
        "host": "h1",
        "zone": "nova",
        "enabled": True,
        "disabled_reason": "",
        "up": True,
        "forced_down": False,
        "seen_at": datetime(2026, 1, 31, 10, 11, 12, tzinfo=UTC),
    }
    return ServiceInfo(**{**facts, **overrides})


def show(answer: type[Answer], row: Any, version: Microversion) -> dict[str, Any]:
    """Return what an answer shows of a row at a version."""
    scene = Scene(RequestFactory().get("/compute/v2.1/"), version=version)
    [shown_row] = shown(answer, [row], scene)
    return shown_row


def changes_between(render: Any) -> dict[str, tuple[set[str], set[str]]]:
    """Return the keys that each version added and removed."""
    versions = [Microversion(2, minor) for minor in range(1, COMPUTE.maximum.minor + 1)]
    found = {}
    for before, after in itertools.pairwise(versions):
        old, new = set(render(before)), set(render(after))
        if old != new:
            found[str(after)] = (new - old, old - new)
    return found


def test_hypervisors_change_keys_at_2_88_alone() -> None:
    item = Hypervisor(Host(name="h1", number=3), make_info())
    assert changes_between(lambda version: show(HypervisorShown, item, version)) == {
        "2.88": ({"uptime"}, SIZE)
    }


@pytest.mark.parametrize(("minor", "wanted"), [(1, 3), (52, 3), (53, "uuid"), (96, "uuid")])
def test_hypervisor_ids_are_uuids_from_2_53(minor: int, wanted: object) -> None:
    item = Hypervisor(Host(name="h1", number=3), make_info())
    shown = show(HypervisorShown, item, Microversion(2, minor))
    assert shown["id"] == (str(item.host.id) if wanted == "uuid" else wanted)
    assert shown["service"]["id"] == (str(ID) if wanted == "uuid" else 5)


def test_a_host_whose_agent_was_never_seen_is_down() -> None:
    shown = show(HypervisorShown, Hypervisor(Host(name="h1", number=3), None), Microversion(2, 96))
    assert (shown["state"], shown["service"]["id"]) == ("down", None)


def test_services_change_keys_at_2_11_alone() -> None:
    assert changes_between(lambda version: show(ServiceShown, make_info(), version)) == {
        "2.11": ({"forced_down"}, set())
    }
    oldest = show(ServiceShown, make_info(), COMPUTE.minimum)
    assert oldest["updated_at"] == "2026-01-31T10:11:12.000000"


def test_flavors_change_keys_at_2_55_and_2_61_alone() -> None:
    flavor = Flavor(id="f", name="f", swap=0)
    flavor._prefetched_objects_cache = {"extra_specs": []}
    assert changes_between(lambda version: show(FlavorShown, flavor, version)) == {
        "2.55": ({"description"}, set()),
        "2.61": ({"extra_specs"}, set()),
    }
    swaps = {minor: show(FlavorShown, flavor, Microversion(2, minor))["swap"] for minor in (74, 75)}
    assert swaps == {74: "", 75: 0}
