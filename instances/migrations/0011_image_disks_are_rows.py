"""The disk that each server boots from, so far told by its image and flavor, becomes a row."""

import itertools
from uuid import UUID

from django.db import migrations

AT_ONCE = 500


def make_rows(apps, schema_editor):
    """Make the row of each server that is not deleted and has an image."""
    instances = apps.get_model("instances", "Instance").objects.exclude(vm_state="deleted")
    devices = apps.get_model("instances", "BlockDevice")
    read = instances.exclude(image_id="").values_list("id", "image_id", "disk").iterator()
    while some := [*itertools.islice(read, AT_ONCE)]:
        devices.objects.bulk_create(
            devices(
                instance_id=instance_id,
                source_type="image",
                source_id=UUID(image_id),
                destination_type="local",
                boot_index=0,
                size=disk,
            )
            for instance_id, image_id, disk in some
        )


class Migration(migrations.Migration):
    """Rows alone change."""

    dependencies = [("instances", "0010_block_device")]

    operations = [migrations.RunPython(make_rows, migrations.RunPython.noop)]
