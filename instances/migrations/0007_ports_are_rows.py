"""What servers asked for and what came of it, two JSON lists until now, becomes rows."""

import itertools
from uuid import UUID

from django.db import migrations

AT_ONCE = 500


def rows_of(networks, ports, network_of):
    """Yield the row of each port: with what was asked for, as far as there is a port or none yet.

    The lists have the same order, but a port that its user deleted is missing in one: it is known by
    its network which. Without any port the server is to get those that were asked for.
    """
    wishes = [*networks]
    for port in ports:
        network = network_of.get(UUID(port["id"]))
        wish = next((one for one in wishes if _led_to(one, port, network)), None)
        if wish is not None:
            wishes.remove(wish)
        elif network is None:
            continue  # the port is gone, and nothing tells where it was
        else:
            wish = {"network_id": network} | ({} if port["ours"] else {"port_id": port["id"]})
        yield _row(wish, port["id"])
    if not ports:
        yield from (_row(wish, None) for wish in wishes)


def _led_to(wish, port, network):
    if not port["ours"]:
        return wish.get("port_id") == port["id"]
    return not wish.get("port_id") and network in (None, UUID(wish["network_id"]))


def _row(wish, port_id):
    return {
        "port_id": port_id,
        "network_id": wish["network_id"],
        "requested_port_id": wish.get("port_id"),
        "fixed_ip": wish.get("fixed_ip") or "",
        "by_admin": wish.get("by_admin", False),
    }


def make_rows(apps, schema_editor):
    """Make the rows of all servers but the deleted, which have nothing; a port's are the newest's."""
    instances = apps.get_model("instances", "Instance").objects.exclude(vm_state="deleted")
    rows = apps.get_model("instances", "InstancePort")
    networks_of = apps.get_model("network", "Port").objects
    newest = instances.order_by("-created_at", "-id").values_list("id", "networks", "ports")
    taken = set()
    read = newest.iterator()
    while some := [*itertools.islice(read, AT_ONCE)]:
        ids = {port["id"] for _, _, ports in some for port in ports}
        network_of = dict(networks_of.filter(id__in=ids).values_list("id", "network_id"))
        made = []
        for instance_id, networks, ports in some:
            for position, row in enumerate(rows_of(networks, ports, network_of)):
                if row["port_id"] is not None and row["port_id"] in taken:
                    continue
                taken.add(row["port_id"])
                made.append(rows(instance_id=instance_id, position=position, **row))
        rows.objects.bulk_create(made)


class Migration(migrations.Migration):
    """Rows alone change."""

    dependencies = [("instances", "0006_instance_port"), ("network", "0007_lists_by_age")]

    operations = [migrations.RunPython(make_rows, migrations.RunPython.noop)]
