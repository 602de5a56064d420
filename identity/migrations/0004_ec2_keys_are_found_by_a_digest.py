from django.db import migrations, models


def fill(apps, schema_editor):
    """Until now an EC2 key was found by its id, the digest of its access key."""
    rows = apps.get_model("identity", "Credential").objects.filter(type="ec2")
    rows.update(access_digest=models.F("id"))


class Migration(migrations.Migration):
    dependencies = [("identity", "0003_endpoint_groups_and_policies")]

    operations = [
        migrations.AddField(
            model_name="credential",
            name="access_digest",
            field=models.CharField(
                blank=True, editable=False, max_length=64, null=True, unique=True
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
