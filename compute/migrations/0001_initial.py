import uuid

import django.db.models.deletion
from django.db import migrations, models

import cloudweb.database.clock
import compute.models.host


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Flavor",
            fields=[
                ("id", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=255, unique=True)),
                ("description", models.TextField(blank=True, null=True)),
                ("ram", models.PositiveIntegerField(help_text="MiB")),
                ("vcpus", models.PositiveIntegerField()),
                ("disk", models.PositiveIntegerField(help_text="GiB; 0 takes the image's size")),
                ("ephemeral", models.PositiveIntegerField(default=0, help_text="GiB")),
                ("swap", models.PositiveIntegerField(default=0, help_text="MiB")),
                ("rxtx_factor", models.FloatField(default=1.0)),
                ("is_public", models.BooleanField(default=True)),
                ("disabled", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=cloudweb.database.clock.now)),
                ("updated_at", models.DateTimeField(default=cloudweb.database.clock.now)),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Host",
            fields=[
                ("number", models.BigAutoField(primary_key=True, serialize=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=63, unique=True)),
                (
                    "zone",
                    models.CharField(
                        db_index=True, default=compute.models.host.default_zone, max_length=255
                    ),
                ),
                ("driver", models.CharField(blank=True, default="", max_length=64)),
                (
                    "capabilities",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="name -> true: a form both databases can look a name up in",
                    ),
                ),
                ("hypervisor_type", models.CharField(blank=True, default="", max_length=64)),
                ("hypervisor_version", models.PositiveIntegerField(default=0)),
                ("architecture", models.CharField(blank=True, default="", max_length=32)),
                ("cpu_model", models.CharField(blank=True, default="", max_length=255)),
                ("accelerated", models.BooleanField(default=False)),
                ("vcpus", models.PositiveIntegerField(default=0)),
                ("ram", models.PositiveIntegerField(default=0)),
                ("disk", models.PositiveIntegerField(default=0)),
                ("cpu_ratio", models.FloatField(blank=True, null=True)),
                ("ram_ratio", models.FloatField(blank=True, null=True)),
                ("disk_ratio", models.FloatField(blank=True, null=True)),
                ("vcpus_used", models.PositiveIntegerField(default=0)),
                ("ram_used", models.PositiveIntegerField(default=0)),
                ("disk_used", models.PositiveIntegerField(default=0)),
                (
                    "measured_ram_free",
                    models.IntegerField(blank=True, help_text="as the host saw it", null=True),
                ),
                (
                    "measured_disk_free",
                    models.IntegerField(blank=True, help_text="as the host saw it", null=True),
                ),
                ("running_guests", models.PositiveIntegerField(default=0)),
                (
                    "guests",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="id, name and power_state of what the hypervisor has",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("disabled_reason", models.CharField(blank=True, default="", max_length=255)),
                ("created_at", models.DateTimeField(default=cloudweb.database.clock.now)),
                ("updated_at", models.DateTimeField(default=cloudweb.database.clock.now)),
            ],
            options={
                "ordering": ("number",),
            },
        ),
        migrations.CreateModel(
            name="Claim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("instance_id", models.UUIDField(unique=True)),
                ("project_id", models.CharField(max_length=64)),
                ("vcpus", models.PositiveIntegerField()),
                ("ram", models.PositiveIntegerField(help_text="MiB")),
                ("disk", models.PositiveIntegerField(help_text="GiB")),
                ("created_at", models.DateTimeField(default=cloudweb.database.clock.now)),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="claims",
                        to="compute.host",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="FlavorAccess",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("project_id", models.CharField(max_length=64)),
                (
                    "flavor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="access",
                        to="compute.flavor",
                    ),
                ),
            ],
            options={
                "ordering": ("project_id",),
                "indexes": [models.Index(fields=["project_id"], name="compute_access_project")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("flavor", "project_id"), name="compute_access_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FlavorExtraSpec",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("value", models.CharField(max_length=255)),
                (
                    "flavor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="extra_specs",
                        to="compute.flavor",
                    ),
                ),
            ],
            options={
                "ordering": ("key",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("flavor", "key"), name="compute_extra_spec_once"
                    )
                ],
            },
        ),
    ]
