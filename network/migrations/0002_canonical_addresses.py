"""Addresses that an older version let in as they were written get the one form, without zones.

With a zone a port could hold an address that was another's; such a row is removed.
"""

import ipaddress

from django.db import migrations
from django.db.models import F


def canonical(text):
    """Return an address or prefix in its form; nothing for what is none."""
    plain, slash, length = text.partition("/")
    try:
        bare = plain.partition("%")[0] + slash + length.partition("%")[0]
        return str((ipaddress.ip_interface if slash else ipaddress.ip_address)(bare.strip()))
    except ValueError:
        return ""


def distinct(found):
    return [one for place, one in enumerate(found) if one and one not in found[:place]]


def make_canonical(apps, schema_editor):
    subnets(apps)
    port_addresses(apps)
    pairs(apps)
    rules(apps)


def subnets(apps):
    networks = apps.get_model("network", "Network").objects
    for subnet in apps.get_model("network", "Subnet").objects.iterator():
        before = (subnet.cidr, subnet.gateway_ip, subnet.dns_nameservers, subnet.host_routes,
                  subnet.allocation_pools)  # fmt: skip
        subnet.cidr = canonical(subnet.cidr)
        subnet.gateway_ip = canonical(subnet.gateway_ip)
        subnet.dns_nameservers = distinct([canonical(text) for text in subnet.dns_nameservers])
        routes = [
            {"destination": canonical(one["destination"]), "nexthop": canonical(one["nexthop"])}
            for one in subnet.host_routes
        ]
        subnet.host_routes = distinct([one for one in routes if all(one.values())])
        subnet.allocation_pools = [
            {end: canonical(text) for end, text in pool.items()} for pool in subnet.allocation_pools
        ]
        after = (subnet.cidr, subnet.gateway_ip, subnet.dns_nameservers, subnet.host_routes,
                 subnet.allocation_pools)  # fmt: skip
        if before != after:
            subnet.save()
            networks.filter(id=subnet.network_id).update(wiring_revision=F("wiring_revision") + 1)
            tell(apps, network_id=subnet.network_id)


def port_addresses(apps):
    held = apps.get_model("network", "PortAddress").objects
    for row in held.filter(ip_address__contains="%"):
        plain = canonical(row.ip_address)
        if not plain or held.filter(subnet=row.subnet, ip_address=plain).exists():
            row.delete()
        else:
            held.filter(id=row.id).update(ip_address=plain)
        tell(apps, network_id=row.port.network_id)


def pairs(apps):
    ports = apps.get_model("network", "Port").objects
    for port in ports.exclude(allowed_address_pairs=[]).iterator():
        made = [{**pair, "ip_address": canonical(pair["ip_address"])}
                for pair in port.allowed_address_pairs]  # fmt: skip
        made = distinct([pair for pair in made if pair["ip_address"]])
        if made != port.allowed_address_pairs:
            ports.filter(id=port.id).update(allowed_address_pairs=made)
            tell(apps, network_id=port.network_id)


def rules(apps):
    found = apps.get_model("network", "SecurityGroupRule").objects
    for rule in found.exclude(remote_ip_prefix="").iterator():
        prefix = canonical(rule.remote_ip_prefix)
        if prefix == rule.remote_ip_prefix:
            continue
        meant = str(ipaddress.ip_network(prefix, strict=False)) if prefix else ""
        meant = "-" if meant.endswith("/0") else meant
        words = rule.meaning.split(" ")
        meaning = " ".join((*words[:5], meant, words[-1])) if "%" in rule.meaning else rule.meaning
        twin = found.filter(security_group=rule.security_group_id, meaning=meaning)
        if not prefix or twin.exclude(id=rule.id).exists():
            rule.delete()
        else:
            found.filter(id=rule.id).update(remote_ip_prefix=prefix, meaning=meaning)
        members = apps.get_model("network", "PortSecurityGroup").objects.filter(
            security_group=rule.security_group_id
        )
        tell(apps, id__in=members.values("port_id"))


def tell(apps, **which):
    """Let the hosts learn of it."""
    ports = apps.get_model("network", "Port").objects.filter(**which)
    ports.update(wiring_revision=F("wiring_revision") + 1)


class Migration(migrations.Migration):
    """Rows alone change."""

    dependencies = [("network", "0001_initial")]

    operations = [migrations.RunPython(make_canonical, migrations.RunPython.noop)]
