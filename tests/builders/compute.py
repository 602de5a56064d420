"""Hosts, flavors and callers for tests of compute."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from cloudweb import conf as clocks
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from compute import conf
from compute.models import Flavor, Host
from compute.scheduler import PlacementRequest
from compute.scheduler.weighers import weight
from operations.models import Service
from tests.builders.api import ApiClient

IMPLIED = {
    "admin": {"admin", "manager", "member", "reader"},
    "manager": {"manager", "member", "reader"},
    "member": {"member", "reader"},
    "reader": {"reader"},
}


def make_context(role: str = "member", **overrides: Any) -> RequestContext:
    facts: dict[str, Any] = {
        "user_id": uuid.uuid4().hex,
        "user_name": role,
        "project_id": uuid.uuid4().hex,
        "project_name": "p",
        "roles": frozenset(IMPLIED.get(role, set())),
    }
    return RequestContext(**{**facts, **overrides})


def make_host(name: str = "h1", **overrides: Any) -> Host:
    """A host that is up; ``ram`` and ``disk`` are what can be promised (the reserve is on top)."""
    facts: dict[str, Any] = {
        "driver": "fake",
        "capabilities": {"console_log": True, "hot_plug": True},
        "hypervisor_type": "QEMU",
        "hypervisor_version": 7002000,
        "architecture": "x86_64",
        "cpu_model": "qemu64",
        "vcpus": 8,
        "ram": 8192,
        "disk": 100,
        "cpu_ratio": 1.0,
    }
    seen = {"last_seen_at": overrides.pop("last_seen_at", fresh())}
    seen["forced_down"] = overrides.pop("forced_down", False)
    facts |= overrides
    facts["ram"] += conf.CAPACITY.reserved_ram
    facts["disk"] += conf.CAPACITY.reserved_disk
    make_service("compute", name, topic=f"compute.{name}", **seen)
    host = Host.objects.create(name=name, **facts)
    Host.objects.filter(pk=host.pk).update(weight=weight())
    return host


def make_service(domain: str, host: str, **overrides: Any) -> Service:
    """A service that is up."""
    facts: dict[str, Any] = {"topic": f"{domain}@{host}", "last_seen_at": fresh()}
    facts["number"] = 100 + Service.objects.count()
    return Service.objects.create(domain=domain, host=host, **{**facts, **overrides})


def fresh() -> Any:
    """A time of a last report that stays fresh, however slow the test."""
    return now() + timedelta(hours=1)


def long_ago() -> Any:
    return now() - timedelta(seconds=clocks.intervals().host_down * 2)


def make_flavor(name: str = "m1.test", **overrides: Any) -> Flavor:
    facts: dict[str, Any] = {"id": name, "ram": 512, "vcpus": 1, "disk": 5}
    return Flavor.objects.create(name=name, **{**facts, **overrides})


def make_request(**overrides: Any) -> PlacementRequest:
    return PlacementRequest(**{"vcpus": 1, "ram": 512, "disk": 5, **overrides})


def compute_client(
    role: str | None = "member", version: str | None = None, **who: Any
) -> ApiClient:
    """A client of /compute/v2.1; role None is nobody."""
    context = None if role is None else make_context(role, **who)
    return ApiClient(context, version=version, prefix="/compute/v2.1")
