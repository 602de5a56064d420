"""PostgreSQL draws epochs from a sequence, which goes on above the counter it had."""

from typing import Any

from django.db import migrations


def make(apps: Any, editor: Any) -> None:
    """Start above the last epoch drawn."""
    if editor.connection.vendor != "postgresql":
        return
    counter = apps.get_model("operations", "EpochCounter")
    last = counter.objects.values_list("value", flat=True).first() or 0
    editor.execute(f"CREATE SEQUENCE operations_epoch START WITH {int(last) + 1}")


def drop(apps: Any, editor: Any) -> None:
    """Give the counter its value back."""
    if editor.connection.vendor != "postgresql":
        return
    editor.execute(
        "INSERT INTO operations_epochcounter (id, value) SELECT 1, last_value FROM operations_epoch "
        "ON CONFLICT (id) DO UPDATE SET value = EXCLUDED.value"
    )
    editor.execute("DROP SEQUENCE operations_epoch")


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0009_first_answer"),
    ]

    operations = [
        migrations.RunPython(make, drop),
    ]
