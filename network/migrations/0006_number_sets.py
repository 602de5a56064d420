"""Hosts that were told before there were sets hold the members in the rules of their ports."""

from django.db import migrations


def number_sets(apps, schema_editor):
    """Give every group on a network its set; what hosts have in the rules of their ports, they hold."""
    model = {
        name: apps.get_model("network", name)
        for name in ("Port", "PortSecurityGroup", "SecurityGroupRule", "MemberSet", "HeldSet")
    }
    memberships = model["PortSecurityGroup"].objects
    inside = memberships.values_list("security_group_id", "port__network_id").distinct()
    paired = memberships.exclude(port__allowed_address_pairs=[])
    with_pairs = {*paired.values_list("security_group_id", "port__network_id")}
    model["MemberSet"].objects.bulk_create(
        model["MemberSet"](
            security_group_id=group, network_id=network, has_pairs=(group, network) in with_pairs
        )
        for group, network in [*inside]
    )
    sets = {
        (one.security_group_id, one.network_id): one for one in model["MemberSet"].objects.all()
    }
    naming = model["SecurityGroupRule"].objects.filter(remote_group__isnull=False)
    remote = {}
    for group, named in naming.values_list("security_group_id", "remote_group_id").distinct():
        remote.setdefault(group, set()).add(named)
    plugged = memberships.filter(port__applied_revision__gt=0).exclude(port__host="")
    held = {
        (host, sets[named, network])
        for host, network, group in plugged.values_list(
            "port__host", "port__network_id", "security_group_id"
        ).distinct()
        for named in remote.get(group, ())
        if (named, network) in sets
    }
    model["HeldSet"].objects.bulk_create(
        model["HeldSet"](
            host=host, member_set=one, literal=True, ordered_generation=1, applied_generation=1
        )
        for host, one in held
    )


class Migration(migrations.Migration):
    dependencies = [
        ("network", "0005_member_sets"),
    ]

    operations = [migrations.RunPython(number_sets, migrations.RunPython.noop)]
