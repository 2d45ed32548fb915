from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0005_triggers")]

    operations = [
        migrations.AddIndex("triggermatch", models.Index(fields=["trigger_id", "id"], name="match_by_trigger"))
    ]
