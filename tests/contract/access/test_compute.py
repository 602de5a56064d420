"""Every route of hosts and flavors by everybody."""

from __future__ import annotations

from typing import Any

from compute.models import Aggregate
from identity.models import User
from operations.models import Service
from tests.builders.access import EVERY_TOKEN, OPERATORS, Line, access_test, shared_world
from tests.builders.compute import make_flavor, make_host

V21 = "/compute/v2.1"
FLAVOR = {"flavor": {"name": "n", "ram": 1, "vcpus": 1, "disk": 1}}
GRANT = {"addTenantAccess": {"tenant": "{project_id}"}}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of a host, its service, a public flavor and one for some projects."""
    host = make_host("h1", uptime=" 0:00:01 up 1 min,  0 users,  load average: 0, 0, 0")
    flavor = make_flavor("f")
    flavor.extra_specs.create(key="k", value="v")
    return {
        "flavor_id": flavor.id,
        "private_id": make_flavor("g", is_public=False).id,
        "key": "k",
        "service_id": str(Service.objects.get().id),
        "hypervisor_id": str(host.id),
        "pattern": "h1",
        "host": "h1",
        "alias": "os-services",
        "aggregate_id": Aggregate.objects.create(name="a").pk,
    }


def at(version: str) -> dict[str, str]:
    """Return the header of a microversion."""
    return {"OpenStack-API-Version": f"compute {version}"}


LINES = [
    Line("GET", V21 + "/flavors", EVERY_TOKEN),
    Line("POST", V21 + "/flavors", OPERATORS, body=FLAVOR),
    Line("GET", V21 + "/flavors/detail", EVERY_TOKEN),
    Line("GET", f"{V21}/flavors/{{flavor_id}}", EVERY_TOKEN),
    Line(
        "PUT",
        f"{V21}/flavors/{{flavor_id}}",
        OPERATORS,
        headers=at("2.55"),
        body={"flavor": {"description": "d"}},
    ),
    Line("DELETE", f"{V21}/flavors/{{flavor_id}}", OPERATORS, status=202),
    Line("POST", f"{V21}/flavors/{{private_id}}/action", OPERATORS, body=GRANT),
    Line("GET", f"{V21}/flavors/{{private_id}}/os-flavor-access", OPERATORS),
    Line("GET", f"{V21}/flavors/{{flavor_id}}/os-extra_specs", EVERY_TOKEN),
    Line(
        "POST",
        f"{V21}/flavors/{{flavor_id}}/os-extra_specs",
        OPERATORS,
        body={"extra_specs": {"k": "v"}},
    ),
    Line("GET", f"{V21}/flavors/{{flavor_id}}/os-extra_specs/{{key}}", EVERY_TOKEN),
    Line("PUT", f"{V21}/flavors/{{flavor_id}}/os-extra_specs/{{key}}", OPERATORS, body={"k": "v"}),
    Line("DELETE", f"{V21}/flavors/{{flavor_id}}/os-extra_specs/{{key}}", OPERATORS),
    Line("GET", V21 + "/os-services", OPERATORS),
    Line(
        "PUT",
        f"{V21}/os-services/{{service_id}}",
        OPERATORS,
        headers=at("2.53"),
        body={"status": "disabled"},
    ),
    Line("DELETE", f"{V21}/os-services/{{service_id}}", OPERATORS, status=204, headers=at("2.53")),
    Line("GET", V21 + "/os-hosts", OPERATORS),
    Line("GET", f"{V21}/os-hosts/{{host}}", OPERATORS),
    Line("PUT", f"{V21}/os-hosts/{{host}}", OPERATORS, body={"status": "disable"}),
    Line("GET", V21 + "/os-hypervisors", OPERATORS),
    Line("GET", V21 + "/os-hypervisors/detail", OPERATORS),
    Line("GET", V21 + "/os-hypervisors/statistics", OPERATORS),
    Line("GET", f"{V21}/os-hypervisors/{{hypervisor_id}}", OPERATORS, headers=at("2.53")),
    Line(
        "GET",
        f"{V21}/os-hypervisors/{{hypervisor_id}}/uptime",
        OPERATORS,
        headers=at("2.53"),
    ),
    Line("GET", f"{V21}/os-hypervisors/{{pattern}}/search", OPERATORS),
    Line("GET", f"{V21}/os-hypervisors/{{pattern}}/servers", OPERATORS),
    Line("GET", V21 + "/os-availability-zone", EVERY_TOKEN),
    Line("GET", V21 + "/os-availability-zone/detail", OPERATORS),
    Line("GET", V21 + "/os-aggregates", OPERATORS),
    Line("POST", V21 + "/os-aggregates", OPERATORS, body={"aggregate": {"name": "new"}}),
    Line("GET", f"{V21}/os-aggregates/{{aggregate_id}}", OPERATORS),
    Line(
        "PUT", f"{V21}/os-aggregates/{{aggregate_id}}", OPERATORS, body={"aggregate": {"name": "n"}}
    ),
    Line("DELETE", f"{V21}/os-aggregates/{{aggregate_id}}", OPERATORS),
    Line(
        "POST",
        f"{V21}/os-aggregates/{{aggregate_id}}/action",
        OPERATORS,
        body={"set_metadata": {"metadata": {"k": "v"}}},
    ),
    Line("GET", V21 + "/extensions", EVERY_TOKEN),
    Line("GET", f"{V21}/extensions/{{alias}}", EVERY_TOKEN),
]
world = shared_world(build)
test_access = access_test(LINES)
