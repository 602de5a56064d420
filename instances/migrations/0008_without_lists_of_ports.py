"""The JSON lists that became rows go."""

from django.db import migrations


class Migration(migrations.Migration):
    """It stands alone: PostgreSQL changes no table that rows of the same transaction refer to."""

    dependencies = [("instances", "0007_ports_are_rows")]

    operations = [
        migrations.RemoveField(model_name="instance", name="networks"),
        migrations.RemoveField(model_name="instance", name="ports"),
    ]
