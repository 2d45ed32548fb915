import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0006_matches_by_trigger")]

    operations = [
        migrations.CreateModel(
            name="DamagedFile",
            fields=[
                ("path", models.TextField(primary_key=True, serialize=False)),
                ("table_name", models.TextField()),
                ("rows", models.PositiveBigIntegerField()),
                ("reason", models.TextField()),
                ("found_time", models.DateTimeField(default=django.utils.timezone.now)),
                ("state", models.TextField(blank=True)),
            ],
        )
    ]
