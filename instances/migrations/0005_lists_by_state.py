from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0004_injected_files"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="instance",
            index=models.Index(
                fields=["vm_state", "-created_at", "-id"], name="instance_state_newest"
            ),
        ),
    ]
