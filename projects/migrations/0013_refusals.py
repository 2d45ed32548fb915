from django.db import migrations, models


class Migration(migrations.Migration):
    """How often an organization was refused a name that another one has, in the running window."""

    dependencies = [("projects", "0012_hook_rate")]
    operations = [
        migrations.AddField("organization", "refusals_start_time", models.DateTimeField(editable=False, null=True)),
        migrations.AddField(
            "organization", "refusals", models.PositiveIntegerField(db_default=0, default=0, editable=False)
        ),
    ]
