from django.db import migrations, models


class Migration(migrations.Migration):
    """How many deliveries a hook took in the running window of its rate limit."""

    dependencies = [("projects", "0011_container_runtime")]
    operations = [
        migrations.AddField("hook", "window_start_time", models.DateTimeField(editable=False, null=True)),
        migrations.AddField(
            "hook", "window_deliveries", models.PositiveIntegerField(db_default=0, default=0, editable=False)
        ),
    ]
