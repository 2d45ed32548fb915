import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0010_noted_fields")]
    operations = [
        migrations.CreateModel(
            name="UnreadTimes",
            fields=[
                (
                    "dataset",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="unread_times",
                        serialize=False,
                        to="events.dataset",
                    ),
                ),
                ("events", models.PositiveBigIntegerField(default=0)),
                ("latest_time", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        )
    ]
