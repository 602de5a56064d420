"""Access addresses get the form in which addresses are stored."""

import ipaddress

from django.db import migrations


def make_canonical(apps, schema_editor):
    instances = apps.get_model("instances", "Instance").objects
    for instance in instances.exclude(access_ip_v6="").only("id", "access_ip_v6").iterator():
        try:
            text = str(ipaddress.ip_address(instance.access_ip_v6.partition("%")[0].strip()))
        except ValueError:
            text = ""
        instances.filter(id=instance.id).update(access_ip_v6=text)


class Migration(migrations.Migration):
    """Rows alone change."""

    dependencies = [("instances", "0002_long_hostname")]

    operations = [migrations.RunPython(make_canonical, migrations.RunPython.noop)]
