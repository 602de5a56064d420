"""The ports of a server as rows."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """They are filled by the next one."""

    dependencies = [("instances", "0005_lists_by_state")]

    operations = [
        migrations.CreateModel(
            name="InstancePort",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("port_id", models.UUIDField(blank=True, null=True)),
                ("network_id", models.UUIDField()),
                (
                    "requested_port_id",
                    models.UUIDField(
                        blank=True,
                        help_text="The port its user brought; others are made",
                        null=True,
                    ),
                ),
                ("fixed_ip", models.CharField(blank=True, default="", max_length=45)),
                ("tag", models.CharField(blank=True, default="", max_length=60)),
                ("by_admin", models.BooleanField(default=False)),
                (
                    "instance",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ports",
                        to="instances.instance",
                    ),
                ),
            ],
            options={
                "ordering": ("instance_id", "position"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("instance", "position"), name="instance_port_position"
                    ),
                    models.UniqueConstraint(fields=("port_id",), name="instance_port_of_one"),
                ],
            },
        ),
    ]
