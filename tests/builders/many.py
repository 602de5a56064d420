"""A database with very many rows, made by the database itself."""

from __future__ import annotations

from typing import Any

from django.db import connection

from identity.models import User
from network.models import Network
from tests.builders.networks import make_port
from tests.builders.servers import make_server


def fill(user: User, network: Network, many: int) -> None:
    """Add so many servers, each with a port and an address: copies of one, of 300 projects on 200 hosts.

    The database does it alone, in seconds for 100,000; then it is told to look at what it has.
    """
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
    server_key, port_key = (varied["id"].format(prefix * 12) for prefix in "ab")
    subnet_key = subnet.pk.hex if sqlite else str(subnet.pk)
    network_key = f"'{network.pk.hex}'" if sqlite else f"'{network.pk}'::uuid"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO instances_instanceport (instance_id, position, port_id, network_id,"
            f" fixed_ip, tag, by_admin, status) {numbers}"
            f"SELECT {server_key}, 0, {port_key}, {network_key}, '', '', false, 'attached' FROM n",
            [many],
        )
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
