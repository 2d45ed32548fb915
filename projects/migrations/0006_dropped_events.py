from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0005_fast_tasks")]

    operations = [
        migrations.AddField("subscription", "dropped_events", models.PositiveBigIntegerField(default=0, db_default=0)),
        migrations.AddField("subscription", "drop_time", models.DateTimeField(blank=True, null=True)),
    ]
