"""Every route of compute, by role: nobody gets a 401, the wrong role a 403, and no route is left out."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import URLPattern

from cloudweb.policy import RULES, policy_of
from compute import manager as managers
from compute.api.urls import ROUTES
from compute.manager.aggregates import AggregateManager
from compute.manager.extensions import ExtensionManager
from operations.models import Service
from tests.builders.compute import compute_client, make_flavor, make_host
from tests.builders.identity import make_project

pytestmark = pytest.mark.django_db

ANY = "reader"
ADMIN = "admin"
FLAVOR = {"flavor": {"name": "n", "ram": 1, "vcpus": 1, "disk": 1}}
GRANT = {"addTenantAccess": {"tenant": "p"}}

#: route of urls.py, method, who may, microversion, body
CALLS: list[tuple[str, str, str, str, Any]] = [
    ("flavors", "GET", ANY, "2.1", None),
    ("flavors", "POST", ADMIN, "2.1", FLAVOR),
    ("flavors/detail", "GET", ANY, "2.1", None),
    ("flavors/<str:flavor_id>", "GET", ANY, "2.1", None),
    ("flavors/<str:flavor_id>", "PUT", ADMIN, "2.55", {"flavor": {"description": "d"}}),
    ("flavors/<str:flavor_id>", "DELETE", ADMIN, "2.1", None),
    ("flavors/<str:flavor_id>/action", "POST", ADMIN, "2.1", GRANT),
    ("flavors/<str:flavor_id>/os-flavor-access", "GET", ADMIN, "2.1", None),
    ("flavors/<str:flavor_id>/os-extra_specs", "GET", ANY, "2.1", None),
    ("flavors/<str:flavor_id>/os-extra_specs", "POST", ADMIN, "2.1", {"extra_specs": {"k": "v"}}),
    ("flavors/<str:flavor_id>/os-extra_specs/<str:key>", "GET", ANY, "2.1", None),
    ("flavors/<str:flavor_id>/os-extra_specs/<str:key>", "PUT", ADMIN, "2.1", {"k": "v"}),
    ("flavors/<str:flavor_id>/os-extra_specs/<str:key>", "DELETE", ADMIN, "2.1", None),
    ("os-services", "GET", ADMIN, "2.1", None),
    ("os-services/<str:service_id>", "PUT", ADMIN, "2.53", {"status": "disabled"}),
    ("os-services/<str:service_id>", "DELETE", ADMIN, "2.53", None),
    ("os-hypervisors", "GET", ADMIN, "2.1", None),
    ("os-hypervisors/detail", "GET", ADMIN, "2.1", None),
    ("os-hypervisors/statistics", "GET", ADMIN, "2.1", None),
    ("os-hypervisors/<str:hypervisor_id>", "GET", ADMIN, "2.53", None),
    ("os-hypervisors/<str:hypervisor_id>/uptime", "GET", ADMIN, "2.53", None),
    ("os-hypervisors/<str:pattern>/search", "GET", ADMIN, "2.1", None),
    ("os-hypervisors/<str:pattern>/servers", "GET", ADMIN, "2.1", None),
    ("os-availability-zone", "GET", ANY, "2.1", None),
    ("os-availability-zone/detail", "GET", ADMIN, "2.1", None),
    ("os-aggregates", "GET", ADMIN, "2.1", None),
    ("extensions", "GET", ANY, "2.1", None),
    ("extensions/<str:alias>", "GET", ANY, "2.1", None),
]
ROLES = ("reader", "member", "manager", "admin")


def test_every_route_and_method_is_in_the_table() -> None:
    known = {
        (str(route.pattern), method.upper())
        for route in ROUTES
        if isinstance(route, URLPattern)
        for method in route.callback.actions
        if method != "head"
    }
    assert known == {(route, method) for route, method, *_ in CALLS}


@pytest.mark.parametrize(
    ("route", "method", "needed", "version", "body"),
    CALLS,
    ids=[f"{call[1]} {call[0]}" for call in CALLS],
)
@pytest.mark.parametrize("role", [None, *ROLES])
def test_access(
    role: str | None, route: str, method: str, needed: str, version: str, body: Any
) -> None:
    host = make_host("h1")
    make_project(id="p")
    flavor = make_flavor("f", is_public=route.endswith("specs") or needed == ANY)
    flavor.extra_specs.create(key="k", value="v")
    ids = {
        "flavor_id": "f",
        "key": "k",
        "service_id": str(Service.objects.get().id),
        "hypervisor_id": str(host.id),
        "pattern": "h1",
        "alias": "os-services",
    }
    path = re.sub(r"<str:(\w+)>", lambda match: ids[match[1]], route)
    status = compute_client(role, version).send(method, f"/{path}", body).status_code
    if role is None:
        assert status == 401
    elif needed == ADMIN and role != ADMIN:
        assert status == 403
    elif path.endswith("uptime"):
        assert status == 501
    else:
        assert 200 <= status < 300


def test_every_public_manager_method_has_a_declared_policy() -> None:
    classes = [getattr(managers, name) for name in managers.__all__ if name.endswith("Manager")]
    for kind in (*classes, AggregateManager, ExtensionManager):
        for name, method in vars(kind).items():
            if not name.startswith("_") and callable(method):
                assert policy_of(method) in RULES, f"{kind.__name__}.{name}"
