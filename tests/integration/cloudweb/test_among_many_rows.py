"""What users and operators ask costs an index, not a scan, also where the planner knows how much there is.

The statements are those that the calls really make; each is explained on a database that was filled and analysed.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cloudweb.context import RequestContext
from identity.models import User
from network.models import Network
from tests.builders.identity import client_of, make_member
from tests.builders.networks import make_network, make_port, make_subnet
from tests.builders.servers import make_server

MANY = 100_000
LARGE = {"instances_instance", "network_port", "network_portaddress", "network_portsecuritygroup"}
NOVA, NEUTRON = "/compute/v2.1", "/network/v2.0"


def fill(user: User, network: Network, many: int) -> None:
    """Multiply one server and one port of a few projects, hosts and states, by the database alone."""
    subnet = network.subnets.get()
    server = make_server(user, host="h0")
    port = make_port(network, project_id=user.default_project_id, device_id=str(server.id))
    sqlite = connection.vendor == "sqlite"
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
        if sqlite
        else "WITH n(i) AS (SELECT generate_series(1, %s)) "
    )
    hexed = "printf('%%020x', i)" if sqlite else "lpad(to_hex(i), 20, '0')"
    varied = {
        "id": f"'{{}}' || {hexed}" if sqlite else f"('{{}}' || {hexed})::uuid",
        "host": "'h' || (i %% 200)",
        "project_id": "'p' || (i %% 300)",
        "name": "'n' || i",
        "mac_address": hexed.replace("020x", "017x").replace("20, '0'", "17, '0'"),
        "device_id": "'d' || i",
        "updated_at": "updated_at",
    }

    def multiply(row: Any, prefix: str, **more: str) -> None:
        columns = [field.column for field in row._meta.concrete_fields]
        values = [({**varied, **more}).get(name, f'"{name}"').format(prefix) for name in columns]
        names = ", ".join(f'"{name}"' for name in columns)
        table = row._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({names}) {numbers}"
                f"SELECT {', '.join(values)} FROM {table}, n WHERE {table}.id = %s",
                [many, row.pk.hex if sqlite else row.pk],
            )

    multiply(server, "a" * 12)
    multiply(port, "b" * 12)
    port_key = varied["id"].format("b" * 12)
    subnet_key = subnet.pk.hex if sqlite else str(subnet.pk)
    with connection.cursor() as cursor:
        address = "'10.' || (i / 65536 + 1) || '.' || (i / 256 %% 256) || '.' || (i %% 256)"
        cursor.execute(
            f"INSERT INTO network_portaddress (port_id, subnet_id, ip_address) {numbers}"
            f"SELECT {port_key}, '{subnet_key}'{'' if sqlite else '::uuid'}, {address} FROM n",
            [many],
        )
        group = port.security_groups.get().pk
        cursor.execute(
            f"INSERT INTO network_portsecuritygroup (port_id, security_group_id) {numbers}"
            f"SELECT {port_key}, '{group.hex if sqlite else group}'{'' if sqlite else '::uuid'} FROM n",
            [many],
        )
        cursor.execute("ANALYZE")


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
    calls = {
        "all servers": (admin, servers),
        "servers of a host": (admin, f"{servers}&host=h7"),
        "servers in a state": (admin, f"{servers}&status=ERROR"),
        "servers of a project": (admin, f"{servers}&project_id=p7"),
        "servers at an address": (admin, f"{servers}&ip=10.1.1.7"),
        "servers at addresses": (admin, f"{servers}&ip=%5E10%5C.1%5C.1%5C."),
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
