from django.db import migrations


def say_what_is_shared(apps, _editor):
    """Let RBAC policies say what the flags of QoS policies say."""
    policies = apps.get_model("network", "RbacPolicy").objects
    for row in apps.get_model("network", "QosPolicy").objects.filter(shared=True):
        policies.create(
            project_id=row.project_id,
            object_type="qos_policy",
            object_id=row.id,
            action="access_as_shared",
            target_project="*",
        )


class Migration(migrations.Migration):
    dependencies = [
        ("network", "0021_auto_allocated_topology"),
    ]

    operations = [
        migrations.RunPython(say_what_is_shared, migrations.RunPython.noop),
    ]
