"""What users and operators ask costs an index, not a scan, also where the planner knows how much there is.

The statements are those that the calls really make; each is explained on a database that was filled and analysed.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from tests.builders.identity import client_of, make_member
from tests.builders.many import fill
from tests.builders.networks import make_network, make_subnet

pytestmark = pytest.mark.both_databases

MANY = 100_000
LARGE = {"instances_instance", "network_port", "network_portaddress", "network_portsecuritygroup"}
NOVA, NEUTRON = "/compute/v2.1", "/network/v2.0"


def scans(statements: list[dict[str, str]]) -> list[str]:
    """Return the steps of plans that walk through a large table, or through all of an index of it."""
    sqlite, found = connection.vendor == "sqlite", []
    word, how = ("SCAN ", "QUERY PLAN ") if sqlite else ("Seq Scan on ", "")
    with connection.cursor() as cursor:
        for statement in statements:
            sql = statement["sql"]
            if sql.startswith(("SELECT", "UPDATE", "DELETE")):
                cursor.execute(f"EXPLAIN {how}{sql}")
                steps = [str(row[3] if sqlite else row[0]) for row in cursor.fetchall()]
                walks = [step.partition(word)[2].strip() for step in steps if word in step]
                found += [walk for walk in walks if walk.split()[0] in LARGE]
    return found


@pytest.mark.django_db
def test_no_call_walks_through_a_table() -> None:
    user, admin = make_member("member"), make_member("admin")
    network = make_network(RequestContext.system(project_id=str(user.default_project_id)))
    make_subnet(network, cidr="10.0.0.0/8")
    fill(user, network, MANY if connection.vendor == "sqlite" else MANY // 5)
    servers, ports = f"{NOVA}/servers/detail?all_tenants=1&limit=20", f"{NEUTRON}/ports?limit=20"
    changed = f"changes-since={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    calls = {
        "all servers": (admin, servers),
        "servers of a host": (admin, f"{servers}&host=h7"),
        "servers in a state": (admin, f"{servers}&status=ERROR"),
        "servers of a project": (admin, f"{servers}&project_id=p7"),
        "servers at an address": (admin, f"{servers}&ip=10.1.1.7"),
        "servers at addresses": (admin, f"{servers}&ip=%5E10%5C.1%5C.1%5C."),
        "servers that changed": (admin, f"{servers}&{changed}"),
        "own servers that changed": (user, f"{NOVA}/servers/detail?{changed}"),
        "own servers at an address": (user, f"{NOVA}/servers/detail?ip=10.1.1.7"),
        "own servers by name": (user, f"{NOVA}/servers/detail?name=vm1"),
        "all ports": (admin, ports),
        "ports of a host": (admin, f"{ports}&binding:host_id=h7"),
        "ports of a project": (admin, f"{ports}&project_id=p7"),
        "ports in a state": (admin, f"{ports}&status=BUILD"),
        "ports at an address": (admin, f"{ports}&fixed_ips=ip_address%3D10.1.1.7"),
        "own ports at an address": (user, f"{NEUTRON}/ports?fixed_ips=ip_address%3D10.1.1.7"),
        "ports of a device": (admin, f"{NEUTRON}/ports?device_id=d77"),
        "ports of a network": (admin, f"{ports}&network_id={network.id}"),
    }
    found = {}
    for what, (who, path) in calls.items():
        with CaptureQueriesContext(connection) as asked:
            answer = client_of(who).send("GET", path, OpenStack_API_Version="compute 2.96")
        assert answer.status_code == 200, answer.content
        found[what] = scans(asked.captured_queries)
    body = {"port": {"network_id": str(network.id)}}
    with CaptureQueriesContext(connection) as asked:
        answer = client_of(admin).send("POST", f"{NEUTRON}/ports", body)
    assert answer.status_code == 201, answer.content
    found["one more port"] = scans(asked.captured_queries)
    expected: dict[str, list[str]] = {what: [] for what in found}
    if connection.vendor == "sqlite":  # the first page, by its index
        expected["all servers"] = ["instances_instance USING INDEX instance_all_newest"]
        expected["all ports"] = ["network_port USING INDEX port_all_by_age"]
    else:  # a part of all for which PostgreSQL holds a scan for as good
        del found["servers at addresses"], expected["servers at addresses"]
    assert found == expected
